/**
 * The completion scripts of the shells. Each asks `dbos __complete SHELL WORD…` for candidates, so it never needs to be
 * made again when commands change. Layer: cli.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# Completion of dbos for bash. To use it: eval "$(dbos completion bash)"
_dbos_complete() {
  local value description add=
  COMPREPLY=()
  while IFS=$'\\t' read -r value description; do
    case $value in
      :files | :directories) add=$value ;;
      *) COMPREPLY+=("$value") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case $add in
    :files) compopt -o default ;;
    :directories) compopt -o dirnames ;;
    *)
      [[ \${COMPREPLY[0]-} == */* ]] && compopt -o filenames
      [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace
      ;;
  esac
  return 0
}
complete -F _dbos_complete dbos
`;

const ZSH = `#compdef dbos
# Completion of dbos for zsh. To use it: eval "$(dbos completion zsh)"
_dbos() {
  local value description
  local -a found
  while IFS=$'\\t' read -r value description; do
    case $value in
      :files) _files ;;
      :directories) _files -/ ;;
      *) found+=("\${value//:/\\\\:}\${description:+:$description}") ;;
    esac
  done < <("\${words[1]}" __complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe dbos found
}
if [[ \${funcstack[1]-} == _dbos ]]; then _dbos "$@"; else compdef _dbos dbos; fi
`;

const FISH = `# Completion of dbos for fish. To use it: dbos completion fish | source
function __dbos_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (dbos __complete fish $words[2..] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':directories'
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\\n' $line
        end
    end
end
complete -c dbos -f -a '(__dbos_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = {bash: BASH, zsh: ZSH, fish: FISH};

/** Returns the script for a shell, without its last line break. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell].trimEnd();
}
