/* test_profile.c - reading profiles, what is said against bad ones, and filling their templates */
#include "bench/profile.h"
#include "bench/shipped.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/rt-profile-XXXXXX";

static struct profile *load(const char *text, struct err *e)
{
	FILE *f = fopen(path, "w");

	fwrite(text, 1, strlen(text), f);
	fclose(f);
	*e = (struct err){ 0 };
	return profile_load(path, e);
}

static void refused(const char *text, const char *why)
{
	struct buf want = { 0 };
	struct err e;
	struct profile *p = load(text, &e);

	buf_addf(&want, "profile '%s'%s", path, why);
	ok(!p && e.code == ERR_INVALID, "refused: %s", text);
	is_text(e.text, strlen(e.text), buf_cstr(&want), "because");
	profile_free(p);
	buf_fini(&want);
}

static void test_bad(void)
{
	refused("", ", line 1: unexpected token near end of file");
	refused("{\n\"a\":}", ", line 2: unexpected token near '}'");
	refused("[]", " is not a JSON object");
	refused("7", " is not a JSON object");
	refused("{\"about\":\"a\",\"about\":\"b\"}", ", line 1: duplicate object key near '\"about\"'");
	refused("{\"nmae\":\"x\"}", ": no member 'nmae' is known");
	refused("{\"name\":1}", ": 'name' is not a string");
	refused("{\"subscribe\":[]}", ": 'subscribe' is not an object");
	refused("{\"subscribe\":{\"wt\":{}}}", ": no member 'subscribe.wt' is known");
	refused("{\"subscribe\":{\"ws\":\"/ws\"}}", ": 'subscribe.ws' is not an object");
	refused("{\"subscribe\":{\"ws\":{},\"sse\":{\"path\":\"events\"}}}", ": 'subscribe.sse.path' is not a path: it begins with /");
	refused("{\"subscribe\":{\"stream\":{\"path\":7}}}", ": 'subscribe.stream.path' is not a string");
	refused("{\"subscribe\":{\"poll\":{\"open\":\"hello\"}}}", ": 'subscribe.poll.open' is not an array of strings");
	refused("{\"subscribe\":{\"ws\":{\"open\":[\"a\",1]}}}", ": 'subscribe.ws.open' is not an array of strings that are not empty");
	refused("{\"subscribe\":{\"ws\":{\"ready\":\"\"}}}", ": 'subscribe.ws.ready' is not a text to look for: it is empty");
	refused("{\"subscribe\":{\"ws\":{\"message\":\"x\"}}}", ": no member 'subscribe.ws.message' is known");
	refused("{\"publish\":{}}", ": 'publish' is not one of rt, ws, post");
	refused("{\"publish\":{\"rt\":{},\"ws\":{}}}", ": 'publish' is not one of rt, ws, post");
	refused("{\"publish\":{\"mqtt\":{}}}", ": no member 'publish.mqtt' is known");
	refused("{\"publish\":{\"rt\":{\"path\":\"/\"}}}", ": no member 'publish.rt.path' is known");
	refused("{\"publish\":{\"ws\":{\"headers\":[]}}}", ": no member 'publish.ws.headers' is known");
	refused("{\"publish\":{\"ws\":{\"ack\":\"\"}}}", ": 'publish.ws.ack' is not a text to look for: it is empty");
	refused("{\"publish\":{\"post\":{\"message\":\"{room}\"}}}",
		": 'publish.post.message' is not a template with {message} or {stamp} in it");
	refused("{\"publish\":{\"post\":{\"headers\":{}}}}", ": 'publish.post.headers' is not an array of strings");
	refused("{\"gaps\":\"x\"}", ": 'gaps' is not an array of strings");
	refused("{\"ignored\":[\"\"]}", ": 'ignored' is not an array of strings that are not empty");
	refused("{\"answers\":[]}", ": 'answers' is not an object of strings");
	refused("{\"answers\":{\"ping\":null}}", ": 'answers' is not an object of strings");
}

static void test_good(void)
{
	struct err e;
	struct profile *p = load("{\"name\":\"mine\",\"about\":\"a server\",\"subscribe\":{\"ws\":{\"path\":\"/c/{room}\",\"open\":[\"a\",\"b\"],"
		"\"ready\":\"ok\"},\"sse\":{}},\"publish\":{\"ws\":{\"message\":\"<{stamp}>\",\"ack\":\"+\"}},\"gaps\":[\"lost\",\"gone\"],"
		"\"ignored\":[\"ping\"],\"answers\":{\"2\":\"3\"}}", &e);

	if (!ok(p != NULL, "a profile with everything in it (%s)", e.text))
		return;
	is_text(p->name, strlen(p->name), "mine", "its name");
	is_text(p->ways[TRANSPORT_WS].path, strlen(p->ways[TRANSPORT_WS].path), "/c/{room}", "a path");
	ok(strcmp(p->ways[TRANSPORT_WS].open[1], "b") == 0 && !p->ways[TRANSPORT_WS].open[2], "what is sent first");
	ok(p->ways[TRANSPORT_SSE].path && !*p->ways[TRANSPORT_SSE].path && !p->ways[TRANSPORT_SSE].ready, "one with nothing in it");
	ok(!p->ways[TRANSPORT_STREAM].path && !p->ways[TRANSPORT_POLL].path, "what is not there is not subscribed by");
	ok(p->publish == PUBLISH_WS && strcmp(p->message, "<{stamp}>") == 0 && strcmp(p->ack, "+") == 0, "how it publishes");
	ok(strcmp(p->answers[0], "2") == 0 && strcmp(p->answers[1], "3") == 0 && !p->answers[2], "what is answered");
	ok(profile_has(p->gaps, STR("2 are gone")) && !profile_has(p->gaps, STR("los")) && !profile_has(NULL, STR("x")) &&
			!profile_has(p->gaps, STR("")), "words are found");
	profile_free(p);
	p = load("{}", &e);
	ok(p && p->publish == PUBLISH_NONE && strcmp(p->name, path) == 0, "one with nothing is called like its file");
	profile_free(p);
}

static void test_files(void)
{
	struct buf big = { 0 };
	struct err e;

	for (const struct shipped *s = shipped_profiles; s->name; s++) {
		struct profile *p = profile_load(s->name, &e);
		ok(p && strcmp(p->name, s->name) == 0 && strstr(profile_names(), s->name), "the shipped '%s'%s", s->name, p ? "" : e.text);
		profile_free(p);
	}
	ok(!profile_load("nonsense", &e) && e.code == ERR_NOTFOUND && strstr(e.text, "(shipped: rt, "), "a name that is none: %s", e.text);
	ok(!profile_load("./nonsense", &e) && e.code == ERR_IO && strstr(e.text, "cannot open './nonsense'"), "a file that is none: %s", e.text);
	ok(!profile_load("/", &e) && e.code == ERR_IO, "a directory: %s", e.text);
	buf_add_text(&big, "{\"about\":\"");
	memset(buf_reserve(&big, 2 << 20), 'x', 2 << 20);
	big.n += 2 << 20;
	buf_add_text(&big, "\"}");
	ok(!load(buf_cstr(&big), &e) && e.code == ERR_TOO_LARGE, "two megabytes: %s", e.text);
	buf_fini(&big);
}

static void filled(const char *template, const char *want)
{
	const struct profile_fill f = { .room = STR("r"), .stamp = STR("{room}"), .message = STR("{\"m\":1}"), .seq = 18446744073709551615u };
	struct buf b = { 0 };

	profile_fill(&b, template, &f);
	is_text(b.p, b.n, want, "'%s' filled in", template);
	buf_fini(&b);
}

static void test_fill(void)
{
	filled("", "");
	filled("none", "none");
	filled("/{room}/{room}", "/r/r");
	filled("{seq}", "18446744073709551615");
	filled("{\"d\":{message}}", "{\"d\":{\"m\":1}}");
	filled("{stamp}", "{room}");
	filled("{", "{");
	filled("{{room}}", "{r}");
	filled("{rooms}{ROOM}{room", "{rooms}{ROOM}{room");
}

int main(void)
{
	int fd = mkstemp(path);

	close(fd);
	test_bad();
	test_good();
	test_files();
	test_fill();
	unlink(path);
	return tap_done();
}
