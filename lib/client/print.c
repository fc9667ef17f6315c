/* print.c - payloads, templates and tables into bytes */
#include "client/print.h"

#include "base/tty.h"
#include "client/field.h"
#include "codec/msg.h"
#include "codec/scan.h"

void print_fini(struct print *p)
{
	buf_fini(&p->scratch);
}

/* --- payloads ------------------------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static void add_decoded(struct buf *out, struct str s)
{
	unsigned bits = 0, v = 0;

	for (size_t i = 0; i < s.n; i++) {
		int d = digit(s.p[i]);

		if (d < 0)
			continue;
		v = (v << 6 | (unsigned)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_add_char(out, (char)(v >> bits & 255));
		}
	}
}

/* The value of the only member `name`, where the payload is a wrapper; p == NULL else. Nearly every payload fails the
 * first look, which is two comparisons. */
static struct str wrapped(struct str payload, struct str head, enum msg_member k)
{
	struct msg m;

	if (!str_starts(payload, head) || msg_parse(&m, payload, MSG_FROM_BUS, NULL) != 0 ||
			m.scan.n_members != 1 || !msg_has(&m, k))
		return (struct str){ 0 };
	return msg_raw(&m, k);
}

void print_payload(struct str payload, bool raw, struct buf *out)
{
	struct str data = wrapped(payload, STR("{\"_data\":"), MSG_DATA), b64 = { 0 };

	if (!data.p && raw)
		b64 = wrapped(payload, STR("{\"_b64\":"), MSG_B64);
	if (b64.p)
		add_decoded(out, b64);
	else
		buf_add_str(out, data.p ? data : payload);
}

/* --- terminals ------------------------------------------------------------------------------ */

/* Line breaks are the template's own: values have none. */
static void add_harmless(struct buf *out, struct str s)
{
	struct str line, rest = s;

	while (rest.p) {
		line = str_cut(rest, '\n', &rest);
		tty_escape(out, line);
		if (rest.p)
			buf_add_char(out, '\n');
	}
}

static void add_room(const struct print *p, struct str room, struct buf *out)
{
	if (p->color)
		buf_add_text(out, "\x1b[36m");
	buf_add_str(out, room);
	if (p->color)
		buf_add_text(out, "\x1b[0m");
	buf_add_text(out, ": ");
}

static void show(struct print *p, struct str room, struct buf *out)
{
	if (p->show_room && room.n > 0)
		add_room(p, room, out);
	add_harmless(out, buf_str(&p->scratch));
}

/* --- the server's own events ---------------------------------------------------------------- */

static const struct {
	const char *word, *type;
	enum print_event bit;
} event_names[] = {
	{ "join", "user_joined", PRINT_JOIN },
	{ "leave", "user_left", PRINT_LEAVE },
	{ "typing", "typing", PRINT_TYPING },
};

#define N_EVENTS (sizeof(event_names) / sizeof(*event_names))

int print_events_parse(const char *list, unsigned *events)
{
	struct str rest = str_of(list);

	while (rest.p) {
		struct str word = str_cut(rest, ',', &rest);
		size_t i = 0;

		while (i < N_EVENTS && !str_eq(word, str_of(event_names[i].word)))
			i++;
		if (i == N_EVENTS)
			return ERR_USAGE;
		*events |= event_names[i].bit;
	}
	return 0;
}

bool print_wants(const struct print *p, const struct client_msg *m)
{
	for (size_t i = 0; m->server_event && i < N_EVENTS; i++) {
		if (str_eq(m->type, str_of(event_names[i].type)))
			return p->events & event_names[i].bit;
	}
	return true;
}

/* --- messages ------------------------------------------------------------------------------- */

static void expand(struct print *p, const struct client_msg *m, struct buf *out)
{
	struct buf payload = { 0 };
	struct scan s;

	/* A server that is not ours may send anything. */
	if (scan_json(&s, m->text, SCAN_DEPTH_MAX, NULL) != 0)
		return;
	print_payload(m->payload, p->raw, &payload);
	template_expand(p->format, m->text, buf_str(&payload), !p->nul, out);
	buf_fini(&payload);
}

static void end_line(const struct print *p, struct buf *out)
{
	if (p->nul)
		buf_add_char(out, '\0');
	else if (!p->raw || p->format)
		buf_add_char(out, '\n');
}

void print_message(struct print *p, const struct client_msg *m, struct buf *out)
{
	struct buf *to = p->terminal ? &p->scratch : out;

	p->scratch.n = 0;
	if (p->format)
		expand(p, m, to);
	else if (p->meta)
		buf_add_str(to, m->text);
	else
		print_payload(m->payload, p->raw, to);
	if (p->terminal)
		show(p, m->room, out);
	end_line(p, out);
}

void print_control(struct print *p, struct str line, struct buf *out)
{
	if (p->terminal)
		tty_escape(out, line);
	else
		buf_add_str(out, line);
	buf_add_char(out, p->nul ? '\0' : '\n');
}

void print_up(struct print *p, struct str url, struct buf *out)
{
	struct buf line = { 0 };

	buf_add_text(&line, "{\"_op\":\"up\",\"url\":");
	buf_add_json(&line, url);
	buf_add_char(&line, '}');
	print_control(p, buf_str(&line), out);
	buf_fini(&line);
}

void print_down(struct print *p, struct str why, int64_t retry_in_ms, struct buf *out)
{
	struct buf line = { 0 };

	buf_add_text(&line, "{\"_op\":\"down\",\"reason\":");
	buf_add_json(&line, why);
	buf_addf(&line, ",\"retry_ms\":%lld}", (long long)retry_in_ms);
	print_control(p, buf_str(&line), out);
	buf_fini(&line);
}

/* --- the list of rooms ---------------------------------------------------------------------- */

static void add_row(struct str row, int width, struct buf *out)
{
	static const char *const columns[] = { "subscribers", "kept" };
	struct buf name = { 0 }, text = { 0 };

	field_text(&text, field_find(row, STR("room")), true);
	tty_escape(&name, buf_str(&text));
	buf_fini(&text);
	buf_addf(out, "%-*s", width, buf_cstr(&name));
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		struct str v = field_find(row, str_of(columns[i]));

		buf_addf(out, "  %11.*s", (int)(v.n < 20 ? v.n : 20), v.p ? v.p : "");
	}
	buf_add_char(out, '\n');
	buf_fini(&name);
}

static void add_table(struct str json, struct buf *out)
{
	struct str rest = json, row;
	int width = 4;

	while (field_each(&rest, &row)) {
		size_t n = field_find(row, STR("room")).n;

		if (n > (size_t)width + 2 && n < 200)
			width = (int)n - 2;
	}
	buf_addf(out, "%-*s  %11s  %11s\n", width, "ROOM", "SUBSCRIBERS", "KEPT");
	for (rest = json; field_each(&rest, &row);)
		add_row(row, width, out);
}

int print_rooms(struct print *p, struct str json, bool table, struct buf *out, struct err *e)
{
	struct scan s;
	struct str rest, row;

	if (scan_json(&s, json, SCAN_DEPTH_MAX, NULL) != 0 || s.type != SCAN_ARRAY)
		return err_set(e, ERR_INVALID, "the server's list of rooms is no JSON array");
	json = rest = str_make(json.p + s.begin, s.end - s.begin);
	if (table && !p->format) {
		add_table(json, out);
		return 0;
	}
	while (field_each(&rest, &row)) {
		p->scratch.n = 0;
		if (p->format)
			template_expand(p->format, row, row, !p->nul, &p->scratch);
		else
			buf_add_str(&p->scratch, row);
		if (p->terminal)
			add_harmless(out, buf_str(&p->scratch));
		else
			buf_add_str(out, buf_str(&p->scratch));
		buf_add_char(out, p->nul ? '\0' : '\n');
	}
	return 0;
}
