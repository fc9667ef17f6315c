/* html_style.h - the style sheet of a report, and the script that shows values under the pointer */
#ifndef RT_BENCH_HTML_STYLE_H
#define RT_BENCH_HTML_STYLE_H

extern const char html_style[], html_script[];

#endif
