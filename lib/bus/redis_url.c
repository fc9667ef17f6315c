/* redis_url.c - the URL of a Redis, taken apart and checked */
#include "bus/redis_url.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PORT     6379
#define DB_MAX           65535
#define PREFIX_MAX       64
#define PASSWORD_MAX     4096

/* The value of a member of the query; NULL where there is none. */
static int member(const struct url *url, const char *name, char **out, struct err *e)
{
	struct buf value = { 0 };
	int n = url->query ? query_get(str_of(url->query), str_of(name), 0, &value) : 0;

	if (n < 0)
		err_set(e, ERR_USAGE, "bus '%s:': '%s' has a broken %% escape", url->scheme, name);
	*out = n == 1 ? mem_strndup(value.n ? value.p : "", value.n) : NULL;
	buf_fini(&value);
	return n < 0 ? ERR_USAGE : 0;
}

/* What is not known is a mistake, not something to pass over. */
static int check_members(const struct url *url, struct err *e)
{
	static const char *const known[] = { "prefix", "db", "password-file" };
	struct str rest = str_of(url->query);

	while (rest.n) {
		struct str name = str_cut(str_cut(rest, '&', &rest), '=', NULL);
		bool good = name.n == 0;

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			good |= str_eq(name, str_of(known[i]));
		if (!good)
			return err_set(e, ERR_USAGE,
				"bus '%s:' knows no '" STR_FMT "' (prefix, db, password-file)",
				url->scheme, STR_ARG(str_head(name, 40)));
	}
	return 0;
}

static int read_db(struct redis_url *r, const struct url *url, const char *query, struct err *e)
{
	struct str path = r->path ? STR("") : str_skip(str_of(url->path), 1);
	struct str text = query ? str_of(query) : path;
	uint64_t n = 0;

	if (query && path.n)
		return err_set(e, ERR_USAGE, "bus '%s:': the database is given twice", url->scheme);
	if (text.n && (str_u64(text, &n) != 0 || n > DB_MAX))
		return err_set(e, ERR_USAGE, "bus '%s:': '" STR_FMT "' is no number of a database",
			url->scheme, STR_ARG(str_head(text, 40)));
	r->db = (unsigned)n;
	return 0;
}

static int check_prefix(const char *prefix, struct err *e)
{
	if (strlen(prefix) > PREFIX_MAX)
		return err_set(e, ERR_USAGE, "a prefix is at most %d bytes", PREFIX_MAX);
	for (const char *c = prefix; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return err_set(e, ERR_USAGE, "a prefix is of printable ASCII");
	return 0;
}

static void name_it(struct redis_url *r)
{
	struct buf b = { 0 };

	if (r->path)
		buf_add_text(&b, r->path);
	else
		buf_addf(&b, strchr(r->host, ':') ? "[%s]:%d" : "%s:%d", r->host, r->port);
	r->name = mem_strndup(b.p, b.n);
	buf_fini(&b);
}

static void read_address(struct redis_url *r, const struct url *url)
{
	if (str_find(str_of(url->scheme), STR("+unix")) > 0) {
		r->path = mem_strdup(url->path);
	} else {
		r->host = mem_strdup(url->host[0] ? url->host : "127.0.0.1");
		r->port = url->port ? url->port : DEFAULT_PORT;
	}
	/* redis://:secret@host has a user without a name. */
	if (url->user && url->user[0])
		r->user = mem_strdup(url->user);
	if (url->password)
		r->password = mem_strdup(url->password);
}

int redis_url_read(struct redis_url *r, const struct url *url, const char *prefix, struct err *e)
{
	char *db = NULL;
	int rc;

	*r = (struct redis_url){ 0 };
	if (str_starts(str_of(url->scheme), STR("rediss")))
		return err_set(e, ERR_UNSUPPORTED,
			"bus '%s:': this hiredis has no TLS (put stunnel or a unix socket between)",
			url->scheme);
	rc = check_members(url, e);
	if (rc == 0)
		rc = member(url, "prefix", &r->prefix, e);
	if (rc == 0)
		rc = member(url, "password-file", &r->password_file, e);
	if (rc == 0)
		rc = member(url, "db", &db, e);
	if (rc)
		goto out;
	if (!r->prefix)
		r->prefix = mem_strdup(prefix);
	read_address(r, url);
	rc = check_prefix(r->prefix, e);
	if (rc == 0)
		rc = read_db(r, url, db, e);
	if (rc == 0 && r->user && !r->password && !r->password_file && !getenv("RT_BUS_PASSWORD"))
		rc = err_set(e, ERR_USAGE,
			"bus '%s:': user '%s' has no password (in the URL, a password-file or "
			"RT_BUS_PASSWORD)",
			url->scheme, r->user);
	if (rc == 0)
		name_it(r);
out:
	mem_free(db);
	if (rc)
		redis_url_fini(r);
	return rc;
}

void redis_url_fini(struct redis_url *r)
{
	mem_free(r->host);
	mem_free(r->path);
	mem_free(r->user);
	mem_free(r->password);
	mem_free(r->password_file);
	mem_free(r->prefix);
	mem_free(r->name);
	*r = (struct redis_url){ 0 };
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
	char text[PASSWORD_MAX];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = err_set(e, ERR_IO, "cannot open '%s':", path);
		goto out;
	}
	if (st.st_mode & 077) {
		rc = err_set(e, ERR_USAGE, "'%s' holds a secret and others can read it (chmod 600)",
			path);
		goto out;
	}
	n = read(fd, text, sizeof text);
	if (n < 0) {
		rc = err_set(e, ERR_IO, "cannot read '%s':", path);
		goto out;
	}
	for (ssize_t i = 0; i < n && text[i] != '\n' && text[i] != '\r'; i++)
		buf_add_char(out, text[i]);
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

int redis_url_password(const struct redis_url *r, struct buf *out, struct err *e)
{
	const char *env = getenv("RT_BUS_PASSWORD");

	if (r->password)
		buf_add_text(out, r->password);
	else if (r->password_file)
		return read_file(r->password_file, out, e);
	else if (env)
		buf_add_text(out, env);
	return 0;
}

void redis_url_glob(struct buf *out, const char *prefix)
{
	for (; *prefix; prefix++) {
		if (strchr("*?[]\\", *prefix))
			buf_add_char(out, '\\');
		buf_add_char(out, *prefix);
	}
	buf_add_char(out, '*');
}
