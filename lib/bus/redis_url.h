/* redis_url.h - what a URL says of a Redis, and where its password comes from
 *
 *   redis://[user:password@]host[:6379][/db][?prefix=room:&password-file=PATH]
 *   redis+unix:///run/redis.sock[?db=0&...]          and so redis+stream://, redis+stream+unix://
 *
 * The password is the URL's, else the first line of password-file, else $RT_BUS_PASSWORD. */
#ifndef RT_BUS_REDIS_URL_H
#define RT_BUS_REDIS_URL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

struct redis_url {
	char *host;          /* NULL: a unix socket */
	char *path;          /* of the socket */
	int port;
	char *user, *password, *password_file; /* NULL where not given */
	unsigned db;
	char *prefix;        /* of channels or keys; may be empty */
	char *name;          /* for people: "127.0.0.1:6379", "/run/redis.sock" */
};

/* `prefix`: where the URL has none. Pure. ERR_USAGE or ERR_UNSUPPORTED with a sentence. */
int redis_url_read(struct redis_url *r, const struct url *url, const char *prefix, struct err *e);
void redis_url_fini(struct redis_url *r);
/* Appends the password there is, nothing where there is none. Reads the file and the environment,
 * again each time: passwords change. */
int redis_url_password(const struct redis_url *r, struct buf *out, struct err *e);
/* Appends `prefix` with what a glob would take for more than itself escaped, and '*'. */
void redis_url_glob(struct buf *out, const char *prefix);

#endif
