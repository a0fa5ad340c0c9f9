/* The completion script of bash. */
#include "runner/cli/completion.h"

#include <string.h>

static const char bash_head[] =
    "# bash completion for refit: made by 'refit completion bash'\n"
    "_refit_words() # COMMAND: its options, those with a value as OPTION:KIND, its words\n"
    "{\n"
    "    case $1 in\n";

static const char bash_tail[] =
    "    *) options= takes= words= ;;\n"
    "    esac\n"
    "}\n"
    "_refit()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= kind= i\n"
    "    local word value options takes words n=0\n"
    "    local -a there=() file=() kinds=()\n"
    "    _refit_words ''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == = ]]; then\n"
    "            ((i++))\n"
    "        elif [[ $word == -* ]]; then\n"
    "            [[ \" $takes\" == *\" $word:\"* ]] || continue\n"
    "            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
    "            ((++i < COMP_CWORD)) || break\n"
    "            value=${COMP_WORDS[i]}\n"
    "            case \" $takes\" in\n"
    "            *\" $word:directories\"*) there=(-C \"$value\") ;;\n"
    "            *\" $word:files\"*) file=(-f \"$value\") ;;\n"
    "            esac\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "            _refit_words \"$command\"\n"
    "        else\n"
    "            ((n++))\n"
    "        fi\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "        [[ $prev == -* ]] || return\n"
    "    fi\n"
    "    if [[ $prev == -* && \" $takes\" == *\" $prev:\"* ]]; then\n"
    "        kind=${takes#*\"$prev:\"} kind=${kind%% *}\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        kind==$options\n"
    "    elif [[ -n $words ]]; then\n"
    "        read -ra kinds <<<\"$words\"\n"
    "        if ((n < ${#kinds[@]})); then\n"
    "            kind=${kinds[n]%...}\n"
    "        elif [[ $words == *... ]]; then\n"
    "            kind=${kinds[-1]%...}\n"
    "        fi\n"
    "    fi\n"
    "    case $kind in\n"
    "    =*) kind=${kind#=} kind=${kind//,/ } ;;\n"
    "    files)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        return\n"
    "        ;;\n"
    "    directories)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "        return\n"
    "        ;;\n"
    "    - | '') return ;;\n"
    "    *)\n"
    "        [[ $kind == params ]] && compopt -o nospace 2>/dev/null\n"
    "        kind=$(\"${COMP_WORDS[0]}\" \"${there[@]}\" completion \"${file[@]}\" --list $kind "
    "2>/dev/null)\n"
    "        ;;\n"
    "    esac\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$cur\")\n"
    "}\n"
    "complete -F _refit refit\n";

static void add_bash_words(const struct words *w, const struct command *k, struct str *out)
{
    struct str with_value = { 0 };
    str_addz(out, " options='");
    for (size_t i = 0; i < w->n_option; i++) {
        const struct option *o = &w->option[i];
        struct str kind = { 0 };
        if (!option_is_of(o, k->id))
            continue;
        if (completion_has_value(o))
            completion_kind(o->value_name, strlen(o->value_name), o, &kind);
        if (o->letter)
            str_addf(out, "-%c,", o->letter);
        str_addf(out, "--%s,", o->name);
        if (completion_has_value(o) && o->letter)
            str_addf(&with_value, "-%c:%s ", o->letter, str_text(&kind));
        if (completion_has_value(o))
            str_addf(&with_value, "--%s:%s ", o->name, str_text(&kind));
        str_release(&kind);
    }
    str_addf(out, "--help' takes='%s' words='", str_text(&with_value));
    const char *p = k->words, *word;
    bool repeats, first = true;
    size_t n;
    while ((p = completion_word(p, &word, &n, &repeats))) {
        str_addz(out, first ? "" : " ");
        size_t before = out->n;
        completion_kind(word, n, NULL, out);
        str_addf(out, "%s%s", out->n == before ? "-" : "", repeats ? "..." : "");
        first = false;
    }
    str_addz(out, "' ;;\n");
    str_release(&with_value);
}

void completion_bash(const struct words *w, struct str *out)
{
    struct str all = { 0 };
    str_addz(out, bash_head);
    for (size_t i = 0; i < w->n_command; i++)
        str_addf(&all, "%s|", w->command[i].name);
    str_addz(&all, "help");
    /* In front of the command: what all commands have. */
    struct command none = { .id = BEFORE_COMMAND, .words = str_text(&all) };
    str_addz(out, "    '')");
    add_bash_words(w, &none, out);
    none.id = ONLY_HELP;
    for (size_t i = 0; i < w->n_command; i++) {
        str_addf(out, "    %s)", w->command[i].name);
        add_bash_words(w, &w->command[i], out);
    }
    str_addz(out, "    help)");
    add_bash_words(w, &none, out);
    str_addz(out, bash_tail);
    str_release(&all);
}
