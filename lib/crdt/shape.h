/* shape.h - documents without an envelope: which type they are of
 *
 * {"value","timestamp","node_id"} is lww; an object of counts gcounter; {"p","n"} or {"P","N"}
 * pncounter; {"adds","removes"} 2pset; an object of lww entries lwwmap; {} bottom. */
#ifndef RT_CRDT_SHAPE_H
#define RT_CRDT_SHAPE_H

#include "crdt/crdt.h"

/* Finds the type of a plain document and gives its members the names of v1. NULL with *code and a
 * sentence when there is none or more than one; NULL with *code == CRDT_CODES: bottom. `forced`
 * (may be NULL) is the type the user names. */
const struct crdt_type *shape_recognise(struct json *v, const struct crdt_type *forced,
	enum crdt_shape *shape, enum crdt_code *code, const char **why);

#endif
