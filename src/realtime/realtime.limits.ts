/** Contract 20 §10 and §4 Presence of section 10, where not said otherwise. One object, so that tests can shorten the waiting. */
export const LIMITS = {
  /** Between `auth:expired` and the end of the connection. */
  expiry_grace_ms: 60_000,
  /** A reload must not flap: offline this long after the last socket dropped. Redis keeps it as the lease of who is online. */
  presence_grace_ms: 60_000,
  /** How often leases are renewed and expired ones looked for; ours. */
  presence_tick_ms: 5000,
  /** A node that has not said for so long which sockets it has is forgotten with them (contract 20 §10.3). */
  roster_lease_ms: 60_000,
  roster_tick_ms: 15_000,
  /** Ours: what changes within this is written at once. */
  roster_write_ms: 50,
  typing_ms: 10_000,
  frame_bytes: 64 * 1024,
  frames: 60,
  /** Ours: a Socket.IO client has acks, and may join what its user scrolls through. */
  socketio_frames: 120,
  /** Ours: who goes on all the same is cut, and so is who floods before they are let in. */
  socketio_flood: 600,
  frames_window_ms: 10_000,
  /** Ours: what a user does by sockets, on all of them together: each is written down, or told to many. */
  acts: 60,
  connections_per_user: 10,
  /** Ours: a Socket.IO client has one for each tab of its user; a program may have one for each worker. */
  socketio_per_user: 100,
  /** Ours: who has not said who they are, of one address; an office comes back at once after a restart. */
  strangers_per_address: 1000,
  /** Ours: so long a Socket.IO connection may take to say who it is. */
  stranger_ms: 20_000,
  /** Ours: sockets of an organization on one node, so that one of many leaves the others a door. */
  connections_per_organization: 10_000,
  ping_ms: 30_000,
  missed_pongs: 2,
  /** Ours: channels of one connection, and of one frame. */
  channels: 200,
  /** Ours: a consumer this far behind is cut; it reconnects and reads what it missed. */
  buffered_bytes: 1024 * 1024,
  /** Ours: how often slow consumers and sessions are looked at. With the 3 s a session is cached, one that ended is seen within 5 s (R37). */
  sweep_ms: 1500,
  /** Ours: a new connection's session is looked at again once the cache that let it in is out of date. */
  recheck_ms: 3200,
};
