/* err_word.h - a word for the code of an error, where a test notes what happened */
#ifndef RT_TESTS_ERR_WORD_H
#define RT_TESTS_ERR_WORD_H

#include "base/err.h"

static inline const char *err_word(int code)
{
	switch (code) {
	case ERR_NONE: return "ok";
	case ERR_USAGE: return "usage";
	case ERR_INVALID: return "invalid";
	case ERR_TOO_LARGE: return "too large";
	case ERR_DENIED: return "denied";
	case ERR_UNSUPPORTED: return "unsupported";
	case ERR_NOTFOUND: return "not found";
	case ERR_IO: return "system error";
	case ERR_CLOSED: return "closed";
	case ERR_TIMEOUT: return "timeout";
	case ERR_BUSY: return "busy";
	case ERR_UNKNOWN: return "unknown outcome";
	case ERR_MORE: return "incomplete";
	}
	return "unknown error";
}

#endif
