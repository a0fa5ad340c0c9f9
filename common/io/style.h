#ifndef IO_STYLE_H
#define IO_STYLE_H

/* The style sheet of the page: light and dark by the reader's system, one column on a phone, no
 * resource from outside. */
static const char *const page_style[] = {
    ":root{--paper:#fbfaf7;--card:#fff;--ink:#1d2330;--soft:#667085;--line:#e4e1d9;--grid:#ecebe6;-"
    "-a:#2463c4;--b:#d9662b;--hit:36 99 196;--miss:208 70 44;--good:#2463c4;--hot:#fff}",
    "@media(prefers-color-scheme:dark){:root{--paper:#12151b;--card:#1a1f28;--ink:#e8eaef;--soft:#"
    "98a2b3;--line:#2b323e;--grid:#262c37;--a:#6ea4f4;--b:#f09a5e;--hit:74 134 232;--miss:226 96 "
    "66;--good:#6ea4f4;--hot:#fff}}",
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}",
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 "
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica "
    "Neue',Arial,sans-serif;font-variant-numeric:tabular-nums}",
    "main{max-width:1120px;margin:0 auto;padding:32px 20px 56px}",
    "h1{font-size:28px;line-height:1.2;margin:0 0 "
    "4px;letter-spacing:-.01em}h2{font-size:17px;margin:0 0 12px}",
    "p{margin:0 0 10px}.note{color:var(--soft);font-size:13.5px;margin:10px 0 "
    "0}.lead{color:var(--soft);margin:0 0 24px}",
    "section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px "
    "20px;margin:0 0 18px}",
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:"
    "0 0 18px}",
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px "
    "18px}",
    ".tile "
    "b{display:block;font-size:27px;line-height:1.25;font-weight:650;letter-spacing:-.02em;white-"
    "space:nowrap}",
    ".tile.main b{color:var(--good)}.tile span{color:var(--soft);font-size:13px;display:block}",
    ".scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}",
    "table{border-collapse:collapse;width:100%}th,td{padding:5px "
    "8px;text-align:left;vertical-align:middle}",
    "thead th{font-size:12.5px;font-weight:600;color:var(--soft);border-bottom:1px solid "
    "var(--line);white-space:nowrap}",
    "tbody th{font-weight:600;white-space:nowrap}tbody tr+tr>*{border-top:1px solid var(--grid)}",
    "td.n,th.n{text-align:right;white-space:nowrap}small{color:var(--soft);font-weight:400;font-"
    "size:12.5px}",
    "td.w{width:40%;min-width:190px}tr.main th{color:var(--good)}",
    ".bar{display:inline-block;vertical-align:middle;height:10px;border-radius:5px;background:var(-"
    "-grid);width:56px;margin-right:8px;overflow:hidden}.bar "
    "i{display:block;height:100%;border-radius:5px;background:var(--a)}",
    ".bar.wide{width:calc(100% - 72px);height:14px;border-radius:7px}.bar.wide "
    "i{border-radius:7px}",
    "tr:not(.main) .bar.wide i{opacity:.5}.bar.low i{background:var(--b)}",
    ".pair{display:flex;flex-wrap:wrap;gap:0 18px}.pair section{flex:1 1 "
    "auto;min-width:0;max-width:100%}.pair section+section{flex:1 1 330px}",
    ".even{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:0 "
    "18px;align-items:start}.even td.w{width:60%}",
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:18px "
    "28px}figure{margin:0}",
    "figcaption{display:flex;flex-wrap:wrap;gap:2px "
    "16px;align-items:baseline;margin-bottom:4px;font-size:14px}",
    ".key{font-size:13px;color:var(--soft)}.key:before{content:'';display:inline-block;width:14px;"
    "height:3px;border-radius:2px;margin-right:6px;vertical-align:middle;background:currentColor}."
    "key.one:before{background:var(--a)}",
    ".key.two:before{background:var(--b)}svg{display:block;width:100%;height:auto}",
    ".grid{stroke:var(--grid);fill:none}.tick{fill:var(--soft);font-size:11.5px}.end{text-anchor:"
    "end}.mid{text-anchor:middle}",
    ".line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}.line.one{stroke:"
    "var(--a)}",
    ".line.two{stroke:var(--b)}.dot.one{fill:var(--a)}.dot.two{fill:var(--b)}",
    ".mark{stroke:var(--soft);stroke-dasharray:3 4;fill:none}",
    ".line.thin{stroke:var(--soft);stroke-width:1;opacity:.45}.key.thin:before{background:var(--"
    "soft)}.point{fill:var(--a);opacity:.5}.cell{fill:var(--a)}",
    ".matrix{width:auto;border-collapse:separate;border-spacing:2px}.matrix "
    "tr>*{border:0!important;padding:0}",
    ".matrix "
    "td{min-width:32px;height:32px;text-align:center;border-radius:5px;font-size:13px;background:"
    "var(--grid)}",
    ".matrix tbody "
    "th{padding-right:8px;font-size:13px;text-align:right;position:sticky;left:-20px;background:"
    "var(--card);padding-left:20px;max-width:240px;overflow:hidden;text-overflow:ellipsis}",
    ".matrix thead "
    "th{border:0;vertical-align:bottom;text-align:center;color:var(--ink);font-size:13px;padding:0 "
    "0 4px}",
    ".matrix thead th "
    "span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:150px;overflow:hidden;text-"
    "overflow:ellipsis;display:inline-block}",
    ".matrix td.hit{background:rgb(var(--hit)/calc(.1 + .85*var(--v)))}",
    ".matrix td.miss{background:rgb(var(--miss)/calc(.16 + .8*var(--v)))}.matrix "
    "td.hot{color:var(--hot)}",
    ".dense td{min-width:24px;height:24px;font-size:11.5px;border-radius:4px}.dense tbody "
    "th,.dense thead th{font-size:11.5px}",
    ".pairs tbody th{white-space:normal}.pairs td:last-child{white-space:nowrap}.pairs th,.pairs "
    "td{padding:5px}.pairs .bar{width:22px;margin-right:5px}",
    ".matrix "
    "td.sum{background:none;color:var(--soft);text-align:right;padding-left:8px;min-width:40px}",
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:8px "
    "22px;margin:0}",
    ".facts div{border-top:1px solid var(--grid);padding-top:6px}.facts "
    "dt{color:var(--soft);font-size:13px}",
    ".facts dd{margin:0;font-weight:600}",
    "pre{margin:14px 0 0;overflow-x:auto;font:12.5px/1.55 "
    "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft)}",
    "@media(max-width:560px){main{padding:20px 12px "
    "40px}section{padding:14px;border-radius:10px}.scroll{margin:0 -14px;padding:0 "
    "14px}.tiles{grid-template-columns:1fr 1fr 1fr;gap:8px}.tile{padding:10px 12px}.tile "
    "b{font-size:20px}.tile.main "
    "b{font-size:28px}.tile.main{grid-column:1/"
    "-1}h1{font-size:23px}td.w{min-width:150px}th,td{padding:5px 6px}",
    ".matrix tbody th{left:-14px;padding-left:14px;max-width:130px}.wide-only,.matrix "
    ".name,.matrix th small.axes{display:none}.bar{width:24px;margin-right:5px}}",
    "@media print{section,.tile{break-inside:avoid}body{background:#fff}}",
};

#endif
