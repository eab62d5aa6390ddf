// Guides come before the reference, and both before decisions and the changelog. An object whose
// name was typed stays first.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 3,
  objPrio: { 0: 15, 1: 2, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([docname, title, anchor, description, score, filename, kind]) => {
    const bonus = { howto: 6, tutorials: 4, gallery: 4, explanation: 2 };
    const part = docname.split("/", 1)[0];
    if (kind === "object") return score;
    if (docname.includes("/adr/")) return score * 0.5;
    if (docname === "whats_new" && kind !== "index") return score * 0.5;
    if (docname.endsWith("index")) return score * 0.7;
    return score + (bonus[part] || 0);
  },
};
