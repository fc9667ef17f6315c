/* systemd.h - what a service manager is told, and what it hands over
 *
 * sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3), by their environment and without their
 * library; without that environment nothing happens. */
#ifndef RT_CMD_SYSTEMD_H
#define RT_CMD_SYSTEMD_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", ... */
void systemd_notify(const char *state);
/* RELOADING=1, with the time that Type=notify-reload asks for; READY=1 must follow. */
void systemd_notify_reloading(void);
/* How often to say WATCHDOG=1, in milliseconds; 0: nobody waits for it. */
uint64_t systemd_watchdog_ms(void);
/* Listening sockets from descriptor 3 on. */
int systemd_sockets(void);

#endif
