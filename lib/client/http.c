#include "client/carrier.h"
const struct carrier_ops carrier_stream = { .schemes = "" }, carrier_sse = { .schemes = "" }, carrier_poll = { .schemes = "" };
void client_gets_stop(struct client *c) { (void)c; }
