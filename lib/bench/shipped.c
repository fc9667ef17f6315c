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
	{ "centrifugo",
		"{\n"
		"  \"about\": \"Centrifugo: its JSON protocol, or unidirectional SSE; published by its HTTP API\",\n"
		"  \"subscribe\": {\n"
		"    \"ws\": { \"path\": \"/connection/websocket\",\n"
		"            \"open\": [\"{\\\"id\\\":1,\\\"connect\\\":{}}\\n{\\\"id\\\":2,\\\"subscribe\\\":{\\\"channel\\\":\\\"{room}\\\"}}\"],\n"
		"            \"ready\": \"\\\"id\\\":2,\\\"subscribe\\\"\" },\n"
		"    \"sse\": { \"path\": \"/connection/uni_sse?cf_connect=%7B%22subs%22:%7B%22{room}%22:%7B%7D%7D%7D\",\n"
		"             \"ready\": \"{\\\"connect\\\":\" }\n"
		"  },\n"
		"  \"publish\": {\n"
		"    \"post\": { \"path\": \"/api/publish\",\n"
		"              \"headers\": [\"Content-Type: application/json\"],\n"
		"              \"message\": \"{\\\"channel\\\":\\\"{room}\\\",\\\"data\\\":{message}}\",\n"
		"              \"ack\": \"\\\"result\\\"\" }\n"
		"  },\n"
		"  \"ignored\": [\"{\\\"id\\\":1,\\\"connect\\\":\"],\n"
		"  \"answers\": { \"{}\": \"{}\" }\n"
		"}\n" },
	{ "nchan",
		"{\n"
		"  \"about\": \"nchan: nchan_subscriber at /sub/ROOM, nchan_publisher at /pub/ROOM\",\n"
		"  \"subscribe\": {\n"
		"    \"ws\": { \"path\": \"/sub/{room}\" },\n"
		"    \"sse\": { \"path\": \"/sub/{room}\" }\n"
		"  },\n"
		"  \"publish\": {\n"
		"    \"post\": { \"path\": \"/pub/{room}\",\n"
		"              \"headers\": [\"Content-Type: application/json\"] }\n"
		"  }\n"
		"}\n" },
	{ "mercure",
		"{\n"
		"  \"about\": \"Mercure: a room is a topic\",\n"
		"  \"subscribe\": {\n"
		"    \"sse\": { \"path\": \"/.well-known/mercure?topic={room}\" }\n"
		"  },\n"
		"  \"publish\": {\n"
		"    \"post\": { \"path\": \"/.well-known/mercure\",\n"
		"              \"headers\": [\"Content-Type: application/x-www-form-urlencoded\"],\n"
		"              \"message\": \"topic={room}&data={message}\" }\n"
		"  }\n"
		"}\n" },
	{ "raw",
		"{\n"
		"  \"about\": \"any server that sends to everybody what one publishes\",\n"
		"  \"subscribe\": { \"ws\": {}, \"sse\": {}, \"stream\": {} },\n"
		"  \"publish\": { \"ws\": {} }\n"
		"}\n" },
	{ 0 },
};
