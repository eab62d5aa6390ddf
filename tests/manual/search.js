// Run the search of a built manual: node search.js FOLDER QUERY... Prints the pages of each query's
// results as JSON, the best first. The folder's own scripts search; the browser's objects are empty.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [folder, ...queries] = process.argv.slice(2);
const read = (name) => fs.readFileSync(path.join(folder, name), "utf8");
const scope = vm.createContext({
  document: { addEventListener() {}, getElementById: () => null },
  DOCUMENTATION_OPTIONS: {},
  SPHINX_HIGHLIGHT_ENABLED: false,
  _ready() {},
  _: (text) => text,
  queries,
});
scope.window = scope;
for (const name of ["_static/language_data.js", "_static/searchtools.js", "searchindex.js"])
  vm.runInContext(read(name), scope);
const search = `JSON.stringify(queries.map((query) =>
  Search._performSearch(query, ...Search._parseQuery(query).slice(1)).reverse().map((item) => item[0])
))`;
console.log(vm.runInContext(search, scope));
