/* The completion script of zsh. */
#include "runner/cli/completion.h"

#include <string.h>

/* Text inside '...[text]...': what _arguments and the shell would obey is escaped. */
static void add_zsh_text(const char *text, struct str *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            str_addz(out, "'\\''");
        else if (strchr("[]:\\", *text))
            str_addf(out, "\\%c", *text);
        else
            str_addc(out, *text);
    }
}

/* ":message:action" */
static void add_zsh_action(const char *placeholder, size_t n, const struct option *o,
                           struct str *out)
{
    struct str kind = { 0 };
    completion_kind(placeholder, n, o, &kind);
    const char *text = str_text(&kind);
    str_addz(out, ":");
    if (*text == '=') {
        str_addz(out, "word:(");
        for (text++; *text; text++)
            str_addc(out, *text == ',' ? ' ' : *text);
        str_addc(out, ')');
    } else if (strcmp(text, "files") == 0) {
        str_addz(out, "file:_files");
    } else if (strcmp(text, "directories") == 0) {
        str_addz(out, "directory:_files -/");
    } else if (*text) {
        str_addf(out, "%s:_refit_names %s", text, text);
    } else {
        for (size_t i = 0; i < n; i++)
            str_addc(out, placeholder[i]);
        str_addz(out, ": ");
    }
    str_release(&kind);
}

static void add_zsh_options(const struct words *w, int id, const char *indent, struct str *out)
{
    for (size_t i = 0; i < w->n_option; i++) {
        const struct option *o = &w->option[i];
        struct str rest = { 0 };
        if (!option_is_of(o, id))
            continue;
        str_addc(&rest, '[');
        add_zsh_text(o->help, &rest);
        str_addc(&rest, ']');
        if (completion_has_value(o))
            add_zsh_action(o->value_name, strlen(o->value_name), o, &rest);
        const char *star = o->value == LIST ? "*" : "",
                   *equals = completion_has_value(o) ? "=" : "";
        if (o->letter && o->value == LIST)
            str_addf(out, "%s'*-%c%s' '*--%s=%s' \\\n", indent, o->letter, str_text(&rest), o->name,
                     str_text(&rest));
        else if (o->letter)
            str_addf(out, "%s'(-%c --%s)-%c%s' '(-%c --%s)--%s%s%s' \\\n", indent, o->letter,
                     o->name, o->letter, str_text(&rest), o->letter, o->name, o->name, equals,
                     str_text(&rest));
        else
            str_addf(out, "%s'%s--%s%s%s' \\\n", indent, star, o->name, equals, str_text(&rest));
        str_release(&rest);
    }
    str_addf(out, "%s'(-h --help)'{-h,--help}'[what it does]'", indent);
}

static void add_zsh_command(const struct words *w, const struct command *k, struct str *out)
{
    const char *p = k->words, *word;
    bool repeats;
    size_t n;
    str_addf(out, "        %s)\n            _arguments -s -S \\\n", k->name);
    add_zsh_options(w, k->id, "                ", out);
    for (int at = 1; (p = completion_word(p, &word, &n, &repeats)); at++) {
        str_addz(out, " \\\n                '");
        if (repeats)
            str_addc(out, '*');
        else
            str_addf(out, "%d", at);
        add_zsh_action(word, n, NULL, out);
        str_addc(out, '\'');
    }
    str_addz(out, "\n            ;;\n");
}

void completion_zsh(const struct words *w, struct str *out)
{
    str_addz(
        out,
        "#compdef refit\n"
        "# zsh completion for refit: made by 'refit completion zsh'\n"
        "_refit_names() {\n"
        "    local -a names\n"
        "    local file=${opt_args[-f]:-${opt_args[--file]}}\n"
        "    names=(${(f)\"$(refit ${refit_there:+-C} $refit_there completion ${file:+-f} $file "
        "--list $argv[-1] 2>/dev/null)\"})\n"
        "    local -a more=(\"${(@)argv[1,-2]}\")\n"
        "    [[ $argv[-1] = params ]] && more+=(-S '')\n"
        "    compadd $more -a names\n"
        "}\n"
        "_refit() {\n"
        "    local curcontext=$curcontext state refit_there\n"
        "    local -a line commands\n"
        "    typeset -A opt_args\n"
        "    _arguments -C -s -S \\\n");
    add_zsh_options(w, BEFORE_COMMAND, "        ", out);
    str_addz(out, " \\\n        '1:command:->command' '*::word:->words'\n"
                  "    refit_there=${opt_args[-C]:-${opt_args[--directory]}}\n"
                  "    case $state in\n"
                  "    command)\n"
                  "        commands=(\n");
    for (size_t i = 0; i < w->n_command; i++) {
        str_addf(out, "            '%s:", w->command[i].name);
        add_zsh_text(w->command[i].purpose, out);
        str_addz(out, "'\n");
    }
    str_addz(out, "            'help:the help of a command'\n"
                  "        )\n"
                  "        _describe -t commands command commands\n"
                  "        ;;\n"
                  "    words)\n"
                  "        case $line[1] in\n");
    for (size_t i = 0; i < w->n_command; i++)
        add_zsh_command(w, &w->command[i], out);
    str_addz(
        out,
        "        esac\n"
        "        ;;\n"
        "    esac\n"
        "}\n"
        "if [[ $funcstack[1] = _refit ]]; then _refit \"$@\"; else compdef _refit refit; fi\n");
}
