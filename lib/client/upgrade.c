/* upgrade.c - the client's side of the WebSocket handshake */
#include "client/upgrade.h"

#include "codec/frame.h"

#include <string.h>

/* --- asking ----------------------------------------------------------------------------------- */

/* The value of the n-th header of the user's with this name; p is NULL when there is none. */
static struct str given(const struct upgrade *u, struct str name, int n)
{
	for (int i = 0; i < u->n_headers; i++) {
		struct str value, key = str_cut(str_of(u->headers[i]), ':', &value);
		if (str_case_eq(str_trim(key), name) && n-- == 0)
			return str_trim(value);
	}
	return str_make(NULL, 0);
}

static void add_header(const struct upgrade *u, struct buf *out, struct str name, struct str value)
{
	if (value.n && !given(u, name, 0).p)
		buf_addf(out, STR_FMT ": " STR_FMT "\r\n", STR_ARG(name), STR_ARG(value));
}

void upgrade_ask(struct upgrade *u, struct str target, struct str host, struct str authorization,
	struct buf *out)
{
	unsigned char nonce[16];
	struct buf key = { 0 };

	rand_bytes(nonce, sizeof(nonce));
	buf_add_base64(&key, str_make((char *)nonce, sizeof(nonce)));
	frame_accept_key(buf_str(&key), u->accept);
	u->scanned = 0;
	buf_add_text(out, "GET ");
	buf_add_str(out, target);
	buf_add_text(out, " HTTP/1.1\r\n");
	add_header(u, out, STR("Host"), host);
	add_header(u, out, STR("User-Agent"), STR("rt/" RT_VERSION));
	add_header(u, out, STR("Authorization"), authorization);
	for (int i = 0; i < u->n_headers; i++)
		buf_addf(out, "%s\r\n", u->headers[i]);
	buf_addf(out,
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: " STR_FMT "\r\n\r\n",
		STR_ARG(key));
	buf_fini(&key);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* What the fields said so far. */
struct fields {
	bool upgrade, connection, coded, is_text, broken;
	int accepts, protocols;
	struct str accept, extension, protocol;
	uint64_t length;
};

static bool list_has(struct str list, struct str token)
{
	while (list.p) {
		if (str_case_eq(str_trim(str_cut(list, ',', &list)), token))
			return true;
	}
	return false;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.n > 0;
}

static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static void read_field(struct fields *f, struct str line)
{
	struct str value, name = str_cut(line, ':', &value), type;

	if (!value.p || !is_token(name) || !is_value(value)) {
		f->broken = true;
		return;
	}
	value = str_trim(value);
	if (str_case_eq(name, STR("Upgrade"))) {
		f->upgrade = str_case_eq(value, STR("websocket"));
	} else if (str_case_eq(name, STR("Connection"))) {
		f->connection = f->connection || list_has(value, STR("upgrade"));
	} else if (str_case_eq(name, STR("Sec-WebSocket-Accept"))) {
		f->accept = value;
		f->accepts++;
	} else if (str_case_eq(name, STR("Sec-WebSocket-Extensions"))) {
		f->extension = value.n ? value : f->extension;
	} else if (str_case_eq(name, STR("Sec-WebSocket-Protocol"))) {
		f->protocol = value;
		f->protocols++;
	} else if (str_case_eq(name, STR("Content-Length"))) {
		if (str_u64(value, &f->length) < 0)
			f->length = 0;
	} else if (str_case_eq(name, STR("Content-Encoding")) ||
		   str_case_eq(name, STR("Transfer-Encoding"))) {
		f->coded = true;
	} else if (str_case_eq(name, STR("Content-Type"))) {
		type = str_trim(str_cut(value, ';', NULL));
		f->is_text = str_case_eq(type, STR("application/problem+json")) ||
		             str_case_eq(type, STR("application/json")) ||
		             str_case_eq(type, STR("text/plain")) ||
		             str_case_eq(type, STR("text/html"));
	}
}

static bool was_offered(const struct upgrade *u, struct str protocol)
{
	struct str list;

	for (int i = 0; (list = given(u, STR("Sec-WebSocket-Protocol"), i)).p; i++) {
		while (list.p) {
			if (str_eq(str_trim(str_cut(list, ',', &list)), protocol))
				return true;
		}
	}
	return false;
}

/* RFC 6455 4.1, what the client must validate. */
static int check_upgrade(const struct upgrade *u, const struct fields *f, struct err *e)
{
	if (f->broken)
		return err_set(e, ERR_INVALID, "a header that is none");
	if (!f->upgrade || !f->connection)
		return err_set(
			e, ERR_INVALID, "no 'Upgrade: websocket' with 'Connection: Upgrade'");
	if (f->accepts != 1 || !str_eq(f->accept, str_of(u->accept)))
		return err_set(e, ERR_INVALID, "its Sec-WebSocket-Accept is not that of our key");
	if (f->extension.n)
		return err_set(e, ERR_INVALID, "an extension that was not asked for");
	if (f->protocols > 1 || (f->protocols && !was_offered(u, f->protocol)))
		return err_set(e, ERR_INVALID, "a subprotocol that was not asked for");
	return 0;
}

/* "HTTP/1.1 101 Switching Protocols"; 0 when it is no status line. */
static unsigned read_status(struct str line)
{
	struct str rest, version = str_cut(line, ' ', &rest), code = str_cut(rest, ' ', NULL);
	uint64_t status = 0;

	if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0")))
		return 0;
	if (code.n != 3 || str_u64(code, &status) < 0 || status < 100 || !is_value(line))
		return 0;
	return status == 101 && version.p[7] == '0' ? 0 : (unsigned)status;
}

static struct str next_line(struct str *rest)
{
	long n = str_find(*rest, STR("\r\n"));
	struct str line = str_make(rest->p, (size_t)n);

	*rest = str_skip(*rest, (size_t)n + 2);
	return line;
}

/* `head` ends in the CRLF of its last line. */
static int read_head(
	const struct upgrade *u, struct str head, struct upgrade_answer *a, struct err *e)
{
	struct fields f = { 0 };

	*a = (struct upgrade_answer){ .status = read_status(next_line(&head)) };
	if (!a->status)
		return err_set(e, ERR_UNSUPPORTED, "the answer of the server is not HTTP");
	while (head.n)
		read_field(&f, next_line(&head));
	if (a->status == 101)
		return check_upgrade(u, &f, e);
	if (f.is_text && !f.coded && f.length <= UPGRADE_DETAIL_MAX)
		a->detail_n = (size_t)f.length;
	return 0;
}

/* Offset of the end of the head, or -1. */
static long find_end(struct upgrade *u, struct str bytes)
{
	size_t from = u->scanned > 3 ? u->scanned - 3 : 0;
	long at = str_find(str_skip(bytes, from), STR("\r\n\r\n"));

	u->scanned = bytes.n;
	return at < 0 ? -1 : (long)from + at + 4;
}

long upgrade_read(struct upgrade *u, struct str bytes, struct upgrade_answer *a, struct err *e)
{
	static const char begin[] = "HTTP/1.";
	long end;
	int rc;

	if (memcmp(bytes.p, begin, bytes.n < 7 ? bytes.n : 7) != 0)
		return err_set(e, ERR_UNSUPPORTED, "the answer of the server is not HTTP");
	end = find_end(
		u, str_make(bytes.p, bytes.n < UPGRADE_HEAD_MAX ? bytes.n : UPGRADE_HEAD_MAX));
	if (end < 0)
		return bytes.n < UPGRADE_HEAD_MAX
		               ? 0
		               : err_set(e, ERR_TOO_LARGE, "its head is over %d bytes",
					 UPGRADE_HEAD_MAX);
	rc = read_head(u, str_make(bytes.p, (size_t)end - 2), a, e);
	return rc < 0 ? rc : end;
}

void upgrade_refusal(struct str head, struct answer *a)
{
	next_line(&head);
	while (head.n > 2) {
		struct str value, name = str_cut(next_line(&head), ':', &value);
		if (value.p)
			answer_field(a, name, str_trim(value));
	}
}
