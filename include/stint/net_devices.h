/* include/stint/net_devices.h: linux.netDevices: move host interfaces into the container's network
 * namespace (spec 1.3). */
#pragma once
#include <stint/error.h>
#include <stint/spec.h>

/* In the parent: move every device into @netns_fd, rename it, keep its permanent global addresses,
 * set it up. Own rtnetlink messages over one socket; no library. Errors name
 * linux.netDevices[<name>]. */
int rt_net_devices_move(const struct st_net_device *devices, size_t n, int netns_fd,
                        struct st_error *err) st_must_check;
/* In the child, in a new network namespace: bring "lo" up. Async-signal-safe. */
int rt_loopback_up(struct st_error *err);
