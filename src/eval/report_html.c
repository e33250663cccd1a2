/* The page.  Layout is HTML and CSS; the bars and their intervals are inline SVG whose lengths are
 * percentages, so a chart fits any width while its text stays readable.  Nothing is fetched,
 * nothing runs.  Names come from folders and are escaped. */
#include "eval/report.h"

#include "base/str.h"
#include "base/html_text.h"

#include <stdio.h>
#include <string.h>

/* In pieces, because ISO C promises no more than 4095 bytes a literal. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--line:#e3e6ea;--grid:#eceff2;"
    "--text:#1b1f24;--soft:#5b6470;--model:#3b7ddd;--bm25:#a7b0bb;--span:#1b1f24;--up:#1a7f4b;"
    "--down:#b3372f}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#101317;--card:#181c22;--line:#2b313a;"
    "--grid:#242a32;--text:#e6e9ed;--soft:#98a2ae;--model:#5b9bf5;--bm25:#5f6975;--span:#e6e9ed;"
    "--up:#56c48a;--down:#f0837a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--text);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}\n"
    "main{max-width:1080px;margin:0 auto;padding:40px 24px 56px}\n"
    "h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}\n"
    "h2{font-size:17px;margin:0}\n"
    "p{margin:0}\n"
    ".soft{color:var(--soft)}\n"
    ".num{font-variant-numeric:tabular-nums}\n",
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:16px;"
    "margin:28px 0 16px}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px "
    "22px;"
    "min-width:0}\n"
    ".tile b{display:block;font-size:36px;line-height:1.15;letter-spacing:-.02em;margin:2px 0 6px;"
    "font-weight:650}\n"
    ".charts{display:grid;grid-template-columns:1fr 1fr;gap:16px}\n"
    ".charts>:first-child{grid-column:1/-1}\n"
    "@media(max-width:860px){.charts{grid-template-columns:1fr}}\n"
    ".head{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline;margin-bottom:14px}\n"
    ".key{font-size:13px;color:var(--soft);white-space:nowrap}\n"
    ".key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}\n"
    ".row{display:grid;grid-template-columns:124px 1fr 44px;column-gap:12px;align-items:center}\n"
    ".row>:first-child{font-size:13.5px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
    "\n"
    ".row svg{display:block;width:100%;height:38px;overflow:visible}\n",
    ".row .vals{font-size:12.5px;line-height:16px;text-align:right}\n"
    ".row .vals span{display:block}\n"
    ".mean{border-top:1px solid var(--line);margin-top:4px;padding-top:4px;font-weight:650}\n"
    ".axis{font-size:12px;color:var(--soft)}\n"
    ".axis div{display:flex;justify-content:space-between}\n"
    ".axis span{width:0;display:flex;justify-content:center}\n"
    ".m{fill:var(--model)}.b{fill:var(--bm25)}\n"
    ".g{stroke:var(--grid)}.w{stroke:var(--span);stroke-width:1.25;opacity:.85}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:13.5px;white-space:nowrap}\n"
    "th,td{padding:6px 0 6px 18px;text-align:right;border-bottom:1px solid var(--line)}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:0}\n"
    "th{font-weight:500;color:var(--soft)}\n"
    "tr:last-child td{border-bottom:0}tr.all td{font-weight:650}\n"
    "td small{color:var(--soft);font-size:12px;font-weight:400}\n"
    ".up{color:var(--up)}.down{color:var(--down)}\n"
    "section{margin-top:16px}section .head{margin-bottom:6px}\n"
    "ul{margin:8px 0 0;padding-left:20px}li{margin:3px 0}\n"
    "@media print{body{background:#fff}.card{break-inside:avoid}}\n",
};

static void push_text(wn_buf *out, const char *text)
{
    wn_buf_push_str(out, wn_str_from(text));
}

/* A count with commas between groups of three digits. */
static void push_count(wn_buf *out, size_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%zu", n);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            wn_buf_push_byte(out, ',');
        wn_buf_push_byte(out, digits[i]);
    }
}

/* The arrow and class of a difference; chance has neither. */
static const char *arrow_of(wn_estimate difference)
{
    return !wn_report_is_clear(difference) ? ""
           : difference.mean > 0           ? "\xE2\x96\xB2 "
                                           : "\xE2\x96\xBC ";
}

static const char *class_of(wn_estimate difference)
{
    return !wn_report_is_clear(difference) ? "soft" : difference.mean > 0 ? "up" : "down";
}

static void push_head(wn_buf *out, const wn_report *report)
{
    push_text(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>Ranking quality</title>\n<style>\n");
    for (size_t i = 0; i < WN_ARRAY_LEN(style); i++)
        push_text(out, style[i]);
    push_text(out, "</style></head>\n<body><main>\n<h1>Ranking quality</h1>\n<p class=\"soft\">");
    if (report->model != NULL) {
        push_text(out, "Model ");
        wn_html_push_text(out, report->model);
        push_text(out, " beside BM25");
    } else {
        push_text(out, "BM25");
    }
    wn_buf_printf(out, " \xC2\xB7 %zu set%s \xC2\xB7 ", report->n_rows,
                  report->n_rows == 1 ? "" : "s");
    push_count(out, report->mean.n_queries);
    push_text(out, " queries \xC2\xB7 ");
    push_count(out, report->mean.n_pairs);
    push_text(out, " query\xE2\x80\x93"
                   "document pairs</p>\n");
}

/* One tile a metric: the mean over the sets. */
static void push_tiles(wn_buf *out, const wn_report *report)
{
    wn_column column = report->model != NULL ? WN_COLUMN_MODEL : WN_COLUMN_BM25;
    push_text(out, "<div class=\"tiles\">\n");
    for (wn_metric metric = 0; metric < WN_METRICS; metric++) {
        wn_estimate e = report->mean.estimates[column][metric];
        wn_estimate difference = report->mean.estimates[WN_COLUMN_DIFFERENCE][metric];
        wn_buf_printf(out,
                      "<div class=\"card tile\"><span class=\"soft\">%s, mean of the sets</span>"
                      "<b class=\"num\">%.3f</b><span class=\"soft num\">",
                      wn_metric_name(metric), e.mean);
        if (report->model != NULL)
            wn_buf_printf(out, "BM25 %.3f \xC2\xB7 <span class=\"%s\">%s%+.3f</span>",
                          report->mean.estimates[WN_COLUMN_BM25][metric].mean, class_of(difference),
                          arrow_of(difference), difference.mean);
        else
            wn_buf_printf(out, "%.3f to %.3f", e.low, e.high);
        push_text(out, "</span></div>\n");
    }
    push_text(out, "</div>\n");
}

/* A bar from 0 to the mean with its interval as a whisker; y is its upper edge. */
static void push_bar(wn_buf *out, wn_estimate e, char class, int y, const char *name)
{
    int middle = y + 7;
    wn_buf_printf(out,
                  "<g><title>%s %.3f, 95%% between %.3f and %.3f</title>"
                  "<rect class=\"%c\" y=\"%d\" width=\"%.2f%%\" height=\"14\" rx=\"2\"/>",
                  name, e.mean, e.low, e.high, class, y, e.mean * 100);
    wn_buf_printf(out,
                  "<line class=\"w\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
                  "<line class=\"w\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
                  "<line class=\"w\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/></g>",
                  e.low * 100, e.high * 100, middle, middle, e.low * 100, e.low * 100, middle - 3,
                  middle + 3, e.high * 100, e.high * 100, middle - 3, middle + 3);
}

static void push_chart_row(wn_buf *out, const wn_report *report, const wn_row *row,
                           wn_metric metric)
{
    wn_estimate bm25 = row->estimates[WN_COLUMN_BM25][metric];
    wn_estimate model = row->estimates[WN_COLUMN_MODEL][metric];
    bool has_model = report->model != NULL;
    wn_buf_printf(out, "<div class=\"row%s\"><span title=\"", row == &report->mean ? " mean" : "");
    wn_html_push_text(out, row->name);
    push_text(out, "\">");
    wn_html_push_text(out, row->name);
    push_text(out, "</span><svg role=\"img\">");
    for (int percent = 0; percent <= 100; percent += 25)
        wn_buf_printf(out, "<line class=\"g\" x1=\"%d%%\" x2=\"%d%%\" y1=\"0\" y2=\"38\"/>",
                      percent, percent);
    if (has_model)
        push_bar(out, model, 'm', 4, "model");
    push_bar(out, bm25, 'b', has_model ? 20 : 12, "BM25");
    push_text(out, "</svg><span class=\"vals num\">");
    if (has_model)
        wn_buf_printf(out, "<span>%.3f</span><span class=\"soft\">%.3f</span>", model.mean,
                      bm25.mean);
    else
        wn_buf_printf(out, "<span>%.3f</span>", bm25.mean);
    push_text(out, "</span></div>\n");
}

static void push_chart(wn_buf *out, const wn_report *report, wn_metric metric)
{
    wn_buf_printf(out, "<div class=\"card\"><div class=\"head\"><h2>%s</h2>",
                  wn_metric_name(metric));
    if (report->model != NULL) {
        push_text(out, "<span class=\"key\"><i style=\"background:var(--model)\"></i>");
        wn_html_push_text(out, report->model);
        push_text(out, "</span>");
    }
    push_text(
        out,
        "<span class=\"key\"><i style=\"background:var(--bm25)\"></i>BM25</span>"
        "<span class=\"key\">\xE2\x94\x9C\xE2\x94\x80\xE2\x94\xA4 95% interval</span></div>\n");
    for (size_t i = 0; i < report->n_rows; i++)
        push_chart_row(out, report, &report->rows[i], metric);
    if (report->n_rows > 1)
        push_chart_row(out, report, &report->mean, metric);
    push_text(out,
              "<div class=\"row axis num\"><span></span><div><span>0</span><span>0.25</span>"
              "<span>0.5</span><span>0.75</span><span>1</span></div><span></span></div></div>\n");
}

static void push_cell(wn_buf *out, wn_estimate e, bool is_difference)
{
    wn_buf_printf(out, "<td class=\"num %s\">%s", is_difference ? class_of(e) : "",
                  is_difference ? arrow_of(e) : "");
    wn_buf_printf(out,
                  is_difference ? "%+.3f <small>[%+.3f, %+.3f]</small></td>"
                                : "%.3f <small>[%.3f, %.3f]</small></td>",
                  e.mean, e.low, e.high);
}

static void push_table_row(wn_buf *out, const wn_report *report, const wn_row *row,
                           wn_metric metric)
{
    wn_buf_printf(out, "<tr%s><td>", row == &report->mean ? " class=\"all\"" : "");
    wn_html_push_text(out, row->name);
    push_text(out, "</td><td class=\"num\">");
    push_count(out, row->n_queries);
    wn_buf_printf(out, "</td><td class=\"num\">%.1f</td>",
                  (double)row->n_pairs / (double)row->n_queries);
    push_cell(out, row->estimates[WN_COLUMN_BM25][metric], false);
    if (report->model != NULL) {
        push_cell(out, row->estimates[WN_COLUMN_MODEL][metric], false);
        push_cell(out, row->estimates[WN_COLUMN_DIFFERENCE][metric], true);
    }
    push_text(out, "</tr>\n");
}

static void push_table(wn_buf *out, const wn_report *report, wn_metric metric)
{
    wn_buf_printf(out,
                  "<section class=\"card\"><div class=\"head\"><h2>%s</h2></div>"
                  "<div class=\"wide\"><table><tr><th>set</th><th>queries</th>"
                  "<th>candidates a query</th><th>BM25</th>",
                  wn_metric_name(metric));
    if (report->model != NULL) {
        push_text(out, "<th>");
        wn_html_push_text(out, report->model);
        push_text(out, "</th><th>difference</th>");
    }
    push_text(out, "</tr>\n");
    for (size_t i = 0; i < report->n_rows; i++)
        push_table_row(out, report, &report->rows[i], metric);
    if (report->n_rows > 1)
        push_table_row(out, report, &report->mean, metric);
    push_text(out, "</table></div></section>\n");
}

static void push_notes(wn_buf *out, const wn_report *report)
{
    push_text(
        out,
        "<section class=\"card soft\"><div class=\"head\"><h2>How to read this</h2></div><ul>\n"
        "<li>nDCG@10: discounted gain (2<sup>grade</sup> \xE2\x88\x92 1) of the first ten over "
        "that of the best order of the same candidates.</li>\n"
        "<li>MRR@10: 1 / place of the first relevant document, 0 beyond the tenth.</li>\n"
        "<li>recall@3: relevant documents among the first three, of at most three.</li>\n"
        "<li>Ties count against the system: a tied relevant document is placed after the "
        "irrelevant ones.</li>\n"
        "<li>BM25: k1 0.9, b 0.4, statistics of all documents of the set.</li>\n");
    wn_buf_printf(
        out,
        "<li>Intervals: 95%% of %d bootstrap resamples of the queries. Queries count alike "
        "within a set, sets count alike in the mean. A difference has an arrow when its "
        "interval leaves out 0.</li>\n",
        WN_BOOTSTRAP_RESAMPLES);
    if (report->long_docs != NULL)
        wn_buf_printf(out, "<li>Long documents: %s.</li>\n", report->long_docs);
    if (report->instruction != NULL) {
        push_text(out, "<li>Instruction: ");
        wn_html_push_text(out, report->instruction);
        push_text(out, "</li>\n");
    }
    if (report->limit > 0)
        wn_buf_printf(out, "<li>At most %zu queries of each set, spread evenly over it.</li>\n",
                      report->limit);
    if (report->top > 0)
        wn_buf_printf(out, "<li>Only the first %zu candidates of each query were scored.</li>\n",
                      report->top);
    for (size_t i = 0; i < report->n_rows; i++) {
        for (wn_note note = 0; note < WN_NOTES; note++) {
            if (report->rows[i].notes[note] == 0)
                continue;
            push_text(out, "<li>");
            wn_html_push_text(out, report->rows[i].name);
            wn_buf_printf(out, ": %s: ", wn_note_text(note));
            push_count(out, report->rows[i].notes[note]);
            push_text(out, "</li>\n");
        }
    }
    push_text(out, "</ul></section>\n");
}

bool wn_report_push_html(wn_buf *out, const wn_report *report)
{
    push_head(out, report);
    push_tiles(out, report);
    push_text(out, "<div class=\"charts\">\n");
    for (wn_metric metric = 0; metric < WN_METRICS; metric++)
        push_chart(out, report, metric);
    push_text(out, "</div>\n");
    for (wn_metric metric = 0; metric < WN_METRICS; metric++)
        push_table(out, report, metric);
    push_notes(out, report);
    push_text(out, "</main></body></html>\n");
    return !out->failed;
}
