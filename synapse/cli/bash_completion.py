"""Completion for bash, which splits words at `=` and `:`: `status=pe` arrives as three words."""

from __future__ import annotations

from synapse._internal.lazy_import import load

__all__ = ["install_script"]

# A template of typer's. The words are joined as they were typed; bash replaces only what stands
# behind the last `=`, so the part before is taken off the answers. No space follows `status=`.
_SCRIPT = """
%(complete_func)s() {
    local IFS=$'\\n' i word line=$COMP_LINE prefix
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i)) && [[ $line != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${line#*"$word"}
    done
    [[ -z ${word//[=:]/} ]] && word=
    prefix=${words[${#words[@]} - 1]%%"$word"}
    COMPREPLY=( $( env COMP_WORDS="${words[*]}" \\
                   COMP_CWORD=$((${#words[@]} - 1)) \\
                   %(autocomplete_var)s=complete_bash $1 ) )
    COMPREPLY=( "${COMPREPLY[@]#"$prefix"}" )
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""


def install_script() -> None:
    """Make typer write this script for bash, in place of one that splits `status=pending`."""
    # Private names of typer's, which another version may not have.
    scripts = getattr(load("typer._completion_shared"), "_completion_scripts", None)
    if isinstance(scripts, dict):  # of --install-completion
        scripts["bash"] = _SCRIPT
    shell = getattr(load("typer._completion_classes"), "BashComplete", None)
    if shell is not None:  # of _SYNAPSE_COMPLETE=source_bash
        shell.source_template = _SCRIPT
