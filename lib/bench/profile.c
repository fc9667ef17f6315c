/* profile.c - reading profiles, and filling their templates */
#include "bench/profile.h"

#include "base/mem.h"
#include "bench/shipped.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define FILE_MAX (1 << 20)

const char *const transport_names[TRANSPORTS] = {
	[TRANSPORT_WS] = "ws",
	[TRANSPORT_SSE] = "sse",
	[TRANSPORT_STREAM] = "stream",
	[TRANSPORT_POLL] = "poll",
};

/* A profile owns the JSON that its strings lie in. */
struct owned {
	struct profile profile;
	json_t *json;
	const char **lists[16]; /* made for it */
	int n_lists;
};

/* --- reading ---------------------------------------------------------------------------------- */

/* An object of the profile that is read. */
struct from {
	struct owned *o;
	json_t *v;
	const char *where; /* "subscribe.ws."; "" at the top */
};

static int wrong(const struct from *f, const char *key, const char *want, struct err *e)
{
	return err_set(e, ERR_INVALID, "profile '%s': '%s%s' is not %s", f->o->profile.name, f->where,
		key, want);
}

static int take_text(const struct from *f, const char *key, const char **to, struct err *e)
{
	json_t *v = json_object_get(f->v, key);

	if (v && !json_is_string(v))
		return wrong(f, key, "a string", e);
	if (v)
		*to = json_string_value(v);
	return 0;
}

/* One that is looked for: every text has an empty one in it. */
static int take_word(const struct from *f, const char *key, const char **to, struct err *e)
{
	if (take_text(f, key, to, e) < 0)
		return ERR_INVALID;
	return *to && !**to ? wrong(f, key, "a text to look for: it is empty", e) : 0;
}

static const char **new_list(struct owned *o, size_t n)
{
	const char **list = mem_array(n + 1, sizeof(*list));

	list[n] = NULL;
	return o->lists[o->n_lists++] = list;
}

static int take_list(const struct from *f, const char *key, const char *const **to, struct err *e)
{
	json_t *v = json_object_get(f->v, key), *item;
	const char **list;
	size_t i;

	if (!v)
		return 0;
	if (!json_is_array(v))
		return wrong(f, key, "an array of strings", e);
	list = new_list(f->o, json_array_size(v));
	json_array_foreach(v, i, item) {
		if (!json_is_string(item) || !json_string_length(item))
			return wrong(f, key, "an array of strings that are not empty", e);
		list[i] = json_string_value(item);
	}
	*to = list;
	return 0;
}

static int take_pairs(const struct from *f, const char *key, const char *const **to, struct err *e)
{
	json_t *v = json_object_get(f->v, key), *item;
	const char **list, *name;
	size_t n = 0;

	if (!v)
		return 0;
	if (!json_is_object(v))
		return wrong(f, key, "an object of strings", e);
	list = new_list(f->o, 2 * json_object_size(v));
	json_object_foreach(v, name, item) {
		if (!json_is_string(item))
			return wrong(f, key, "an object of strings", e);
		list[n++] = name;
		list[n++] = json_string_value(item);
	}
	*to = list;
	return 0;
}

static int check_members(const struct from *f, const char *const *known, struct err *e)
{
	const char *name;
	json_t *item;

	json_object_foreach(f->v, name, item) {
		const char *const *k = known;
		while (*k && strcmp(*k, name) != 0)
			k++;
		if (!*k)
			return err_set(e, ERR_INVALID, "profile '%s': no member '%s%s' is known",
				f->o->profile.name, f->where, name);
	}
	return 0;
}

/* The object `key` of another one, with no members but `known`. */
static int enter(struct from *f, const struct from *up, const char *key, const char *where,
	const char *const *known, struct err *e)
{
	*f = (struct from){ up->o, json_object_get(up->v, key), where };
	if (!json_is_object(f->v))
		return wrong(up, key, "an object", e);
	return check_members(f, known, e);
}

static int take_way(const struct from *f, struct profile_way *way, struct err *e)
{
	way->path = "";
	if (take_text(f, "path", &way->path, e) < 0 || take_word(f, "ready", &way->ready, e) < 0)
		return ERR_INVALID;
	if (*way->path && *way->path != '/')
		return wrong(f, "path", "a path: it begins with /", e);
	return take_list(f, "open", &way->open, e);
}

static int take_ways(const struct from *top, struct err *e)
{
	static const char *const known[] = { "ws", "sse", "stream", "poll", NULL };
	static const char *const of_way[] = { "path", "open", "ready", NULL };
	struct from f, one;
	char where[32];

	if (!json_object_get(top->v, "subscribe"))
		return 0;
	if (enter(&f, top, "subscribe", "subscribe.", known, e) < 0)
		return ERR_INVALID;
	for (int i = 0; i < TRANSPORTS; i++) {
		snprintf(where, sizeof(where), "subscribe.%s.", known[i]);
		if (json_object_get(f.v, known[i]) &&
			(enter(&one, &f, known[i], where, of_way, e) < 0 ||
				take_way(&one, &top->o->profile.ways[i], e) < 0))
			return ERR_INVALID;
	}
	return 0;
}

static int take_publish(const struct from *top, struct err *e)
{
	static const struct {
		const char *name, *where;
		enum profile_publish publish;
		const char *known[6];
	} kinds[] = {
		{ "rt", "publish.rt.", PUBLISH_RT, { NULL } },
		{ "ws", "publish.ws.", PUBLISH_WS,
			{ "path", "open", "ready", "message", "ack", NULL } },
		{ "post", "publish.post.", PUBLISH_POST,
			{ "path", "message", "headers", "ack", NULL } },
	};
	static const char *const names[] = { "rt", "ws", "post", NULL };
	struct profile *p = &top->o->profile;
	struct from f, one;
	size_t k = 0;

	if (!json_object_get(top->v, "publish"))
		return 0;
	if (enter(&f, top, "publish", "publish.", names, e) < 0)
		return ERR_INVALID;
	if (json_object_size(f.v) != 1)
		return wrong(top, "publish", "one of rt, ws, post", e);
	while (!json_object_get(f.v, kinds[k].name))
		k++;
	p->publish = kinds[k].publish;
	p->message = "{message}";
	if (enter(&one, &f, kinds[k].name, kinds[k].where, kinds[k].known, e) < 0 ||
		take_way(&one, &p->publish_way, e) < 0 ||
		take_text(&one, "message", &p->message, e) < 0 ||
		take_word(&one, "ack", &p->ack, e) < 0)
		return ERR_INVALID;
	if (p->publish != PUBLISH_RT && !strstr(p->message, "{message}") &&
		!strstr(p->message, "{stamp}"))
		return wrong(&one, "message", "a template with {message} or {stamp} in it", e);
	return take_list(&one, "headers", &p->headers, e);
}

static int take_all(const struct from *top, struct err *e)
{
	struct profile *p = &top->o->profile;

	if (take_text(top, "about", &p->about, e) < 0 || take_ways(top, e) < 0 ||
		take_publish(top, e) < 0 || take_list(top, "gaps", &p->gaps, e) < 0 ||
		take_list(top, "ignored", &p->ignored, e) < 0 ||
		take_pairs(top, "answers", &p->answers, e) < 0)
		return ERR_INVALID;
	return take_text(top, "name", &p->name, e);
}

static struct profile *parse(const char *name, const char *text, size_t n, struct err *e)
{
	static const char *const known[] = { "name", "about", "subscribe", "publish", "gaps",
		"ignored", "answers", NULL };
	struct owned *o = mem_new(struct owned);
	struct from top = { .o = o, .where = "" };
	json_error_t why;
	int rc;

	top.v = o->json = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	o->profile.name = name;
	o->profile.about = "";
	if (!top.v)
		rc = err_set(e, ERR_INVALID, "profile '%s', line %d: %s", name, why.line, why.text);
	else if (!json_is_object(top.v))
		rc = err_set(e, ERR_INVALID, "profile '%s' is not a JSON object", name);
	else if ((rc = check_members(&top, known, e)) == 0)
		rc = take_all(&top, e);
	if (rc == 0)
		return &o->profile;
	profile_free(&o->profile);
	return NULL;
}

static struct profile *read_file(const char *path, struct err *e)
{
	struct profile *p = NULL;
	struct buf text = { 0 };
	FILE *f = fopen(path, "r");
	size_t got;

	if (!f) {
		if (errno == ENOENT && !strchr(path, '/'))
			err_set(e, ERR_NOTFOUND, "no profile or file '%s' (shipped: %s)", path,
				profile_names());
		else
			err_set(e, ERR_IO, "cannot open '%s': %s", path, strerror(errno));
		return NULL;
	}
	while ((got = fread(buf_reserve(&text, 4096), 1, 4096, f)) > 0 && text.n <= FILE_MAX)
		text.n += got;
	if (ferror(f))
		err_set(e, ERR_IO, "cannot read '%s': %s", path, strerror(errno));
	else if (text.n > FILE_MAX)
		err_set(e, ERR_TOO_LARGE, "profile '%s' is over %d bytes", path, FILE_MAX);
	else
		p = parse(path, text.p, text.n, e);
	fclose(f);
	buf_fini(&text);
	return p;
}

struct profile *profile_load(const char *name_or_file, struct err *e)
{
	for (const struct shipped *s = shipped_profiles; s->name; s++) {
		if (strcmp(s->name, name_or_file) == 0)
			return parse(s->name, s->json, strlen(s->json), e);
	}
	return read_file(name_or_file, e);
}

void profile_free(struct profile *p)
{
	struct owned *o = (struct owned *)p;

	if (!o)
		return;
	for (int i = 0; i < o->n_lists; i++)
		mem_free(o->lists[i]);
	json_decref(o->json);
	mem_free(o);
}

const char *profile_names(void)
{
	static char names[256];
	size_t n = 0;

	for (const struct shipped *s = shipped_profiles; s->name; s++)
		n += (size_t)snprintf(
			names + n, sizeof(names) - n, "%s%s", n ? ", " : "", s->name);
	return names;
}

/* --- filling ---------------------------------------------------------------------------------- */

void profile_fill(struct buf *out, const char *template, const struct profile_fill *f)
{
	const struct {
		struct str word, value;
	} known[] = {
		{ STR("{room}"), f->room },
		{ STR("{stamp}"), f->stamp },
		{ STR("{message}"), f->message },
	};
	struct str rest = str_of(template);

	while (rest.n) {
		const char *brace = memchr(rest.p, '{', rest.n);
		size_t before = brace ? (size_t)(brace - rest.p) : rest.n, i = 0;

		buf_add(out, rest.p, before);
		rest = str_skip(rest, before);
		if (!rest.n)
			break;
		while (i < 3 && !str_starts(rest, known[i].word))
			i++;
		if (i < 3) {
			buf_add_str(out, known[i].value);
			rest = str_skip(rest, known[i].word.n);
		} else if (str_starts(rest, STR("{seq}"))) {
			buf_add_u64(out, f->seq);
			rest = str_skip(rest, 5);
		} else {
			buf_add_char(out, '{');
			rest = str_skip(rest, 1);
		}
	}
}

bool profile_has(const char *const *words, struct str text)
{
	for (; words && *words; words++) {
		if (memmem(text.p, text.n, *words, strlen(*words)))
			return true;
	}
	return false;
}

const char *profile_answer(const struct profile *p, struct str text)
{
	for (const char *const *a = p->answers; a && *a; a += 2) {
		if (str_eq(text, str_of(a[0])))
			return a[1];
	}
	return NULL;
}
