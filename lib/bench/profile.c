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

static int wrong(struct err *e, const char *key, const char *want)
{
	return err_set(e, ERR_INVALID, "profile: '%s' is not %s", key, want);
}

static int take_text(json_t *from, const char *key, const char **to, struct err *e)
{
	json_t *v = json_object_get(from, key);

	if (v && !json_is_string(v))
		return wrong(e, key, "a string");
	if (v)
		*to = json_string_value(v);
	return 0;
}

static const char **new_list(struct owned *o, size_t n)
{
	return o->lists[o->n_lists++] = mem_array(n + 1, sizeof(char *));
}

static int take_list(
	struct owned *o, json_t *from, const char *key, const char *const **to, struct err *e)
{
	json_t *v = json_object_get(from, key), *item;
	const char **list;
	size_t i;

	if (!v)
		return 0;
	if (!json_is_array(v))
		return wrong(e, key, "an array of strings");
	list = new_list(o, json_array_size(v));
	json_array_foreach(v, i, item) {
		if (!json_is_string(item))
			return wrong(e, key, "an array of strings");
		list[i] = json_string_value(item);
	}
	*to = list;
	return 0;
}

static int take_pairs(
	struct owned *o, json_t *from, const char *key, const char *const **to, struct err *e)
{
	json_t *v = json_object_get(from, key), *item;
	const char **list, *name;
	size_t n = 0;

	if (!v)
		return 0;
	if (!json_is_object(v))
		return wrong(e, key, "an object of strings");
	list = new_list(o, 2 * json_object_size(v));
	json_object_foreach(v, name, item) {
		if (!json_is_string(item))
			return wrong(e, key, "an object of strings");
		list[n++] = name;
		list[n++] = json_string_value(item);
	}
	*to = list;
	return 0;
}

static int only(json_t *v, const char *const *known, const char *where, struct err *e)
{
	const char *name;
	json_t *item;

	if (!json_is_object(v))
		return wrong(e, where, "an object");
	json_object_foreach(v, name, item) {
		const char *const *k = known;
		while (*k && strcmp(*k, name) != 0)
			k++;
		if (!*k)
			return err_set(e, ERR_INVALID, "profile: unknown member '%s' in %s", name,
				where);
	}
	return 0;
}

static int take_way(struct owned *o, json_t *v, struct profile_way *way, struct err *e)
{
	way->path = "";
	if (take_text(v, "path", &way->path, e) < 0 || take_text(v, "ready", &way->ready, e) < 0)
		return ERR_INVALID;
	if (*way->path && *way->path != '/')
		return wrong(e, "path", "a path: it begins with /");
	return take_list(o, v, "open", &way->open, e);
}

static int take_ways(struct owned *o, json_t *v, struct err *e)
{
	static const char *const known[] = { "ws", "sse", "stream", "poll", NULL };
	static const char *const of_way[] = { "path", "open", "ready", NULL };

	if (!v)
		return 0;
	if (only(v, known, "subscribe", e) < 0)
		return ERR_INVALID;
	for (int i = 0; i < TRANSPORTS; i++) {
		json_t *way = json_object_get(v, known[i]);
		if (way && (only(way, of_way, known[i], e) < 0 ||
				   take_way(o, way, &o->profile.ways[i], e) < 0))
			return ERR_INVALID;
	}
	return 0;
}

static int take_publish(struct owned *o, json_t *v, struct err *e)
{
	static const char *const known[] = { "rt", "ws", "post", NULL };
	static const char *const of_one[] = { "path", "open", "ready", "message", "ack", "headers",
		NULL };
	struct profile *p = &o->profile;
	const char *kind;
	json_t *how;

	if (!v)
		return 0;
	if (only(v, known, "publish", e) < 0)
		return ERR_INVALID;
	if (json_object_size(v) != 1)
		return wrong(e, "publish", "one of rt, ws, post");
	kind = json_object_iter_key(json_object_iter(v));
	how = json_object_get(v, kind);
	p->publish = strcmp(kind, "rt") == 0   ? PUBLISH_RT
	             : strcmp(kind, "ws") == 0 ? PUBLISH_WS
	                                       : PUBLISH_POST;
	p->message = "{message}";
	if (only(how, of_one, kind, e) < 0 || take_way(o, how, &p->publish_way, e) < 0 ||
		take_text(how, "message", &p->message, e) < 0 ||
		take_text(how, "ack", &p->ack, e) < 0)
		return ERR_INVALID;
	return take_list(o, how, "headers", &p->headers, e);
}

static struct profile *parse(const char *name, const char *text, size_t n, struct err *e)
{
	static const char *const known[] = { "name", "about", "subscribe", "publish", "gaps",
		"ignored", "answers", NULL };
	struct owned *o = mem_new(struct owned);
	json_error_t why;

	o->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	o->profile.name = name;
	o->profile.about = "";
	if (!o->json) {
		err_set(e, ERR_INVALID, "profile '%s', line %d: %s", name, why.line, why.text);
		goto fail;
	}
	if (only(o->json, known, "the profile", e) < 0 ||
		take_text(o->json, "name", &o->profile.name, e) < 0 ||
		take_text(o->json, "about", &o->profile.about, e) < 0 ||
		take_ways(o, json_object_get(o->json, "subscribe"), e) < 0 ||
		take_publish(o, json_object_get(o->json, "publish"), e) < 0 ||
		take_list(o, o->json, "gaps", &o->profile.gaps, e) < 0 ||
		take_list(o, o->json, "ignored", &o->profile.ignored, e) < 0 ||
		take_pairs(o, o->json, "answers", &o->profile.answers, e) < 0)
		goto fail;
	return &o->profile;
fail:
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
