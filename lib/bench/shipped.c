/* shipped.c - how to talk with rt-serve and with some others; rt-bench(1) explains the form */
#include "bench/shipped.h"

const struct shipped shipped_profiles[] = {
	{ "rt",
		"{\n"
		"  \"about\": \"rt-serve\",\n"
		"  \"subscribe\": {\n"
		"    \"ws\": { \"path\": \"/ws/{room}?meta=1\",\n"
		"            \"ready\": \"\\\"_op\\\":\\\"subscribed\\\"\" },\n"
		"    \"sse\": { \"path\": \"/events/{room}\" },\n"
		"    \"stream\": { \"path\": \"/stream/{room}\" },\n"
		"    \"poll\": { \"path\": \"/poll/{room}\" }\n"
		"  },\n"
		"  \"publish\": { \"rt\": {} },\n"
		"  \"gaps\": [\"\\\"_op\\\":\\\"gap\\\"\"],\n"
		"  \"ignored\": [\"{\\\"_op\\\":\", \"\\\"type\\\":\\\"user_\"]\n"
		"}\n" },
	{ "raw",
		"{\n"
		"  \"about\": \"any server that sends to everybody what one publishes\",\n"
		"  \"subscribe\": { \"ws\": {}, \"sse\": {}, \"stream\": {} },\n"
		"  \"publish\": { \"ws\": {} }\n"
		"}\n" },
	{ 0 },
};
