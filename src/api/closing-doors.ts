import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A client in the middle of its work is told within this to go elsewhere; who says nothing for so long is idle. */
const GOODBYE_MS = 2000;

/**
 * Closes the doors without shutting them in anybody's face. `server.close()` ends idle keep-alive connections at once, and a request that
 * is on its way over one of them fails; here each connection's next answer says `Connection: close`, and only silent ones are cut.
 * Call it before the server listens; the answer does the closing, while everything behind the doors still works.
 */
export function watchDoors(server: HttpServer): () => Promise<void> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  // A WebSocket's end is the realtime room's.
  server.on('upgrade', (_request, socket: Socket) => open.delete(socket));
  return async () => {
    server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => response.setHeader('Connection', 'close'));
    // Of net, not of http: stops listening and ends no connection.
    Server.prototype.close.call(server);
    for (const end = Date.now() + GOODBYE_MS; open.size && Date.now() < end; await sleep(20));
    server.closeIdleConnections();
  };
}
