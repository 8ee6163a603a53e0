import { io } from '/simulator/socket.io.js';

/**
 * The line on which PyTake tells what happens. `hear(socket)` puts its listeners on each new one, `back` is called when a cut line stands again:
 * what happened meanwhile is only in the database.
 */
export function liveLine({ api, setLive, hear, back }) {
  let socket = null;

  function open() {
    close();
    socket = io({ auth: (give) => give({ token: api.token }), transports: ['websocket', 'polling'] });
    let lost = false;
    socket.on('connect', () => {
      setLive('on', 'Live');
      if (lost) void back();
      lost = false;
    });
    socket.on('disconnect', () => {
      lost = true;
      if (api.token) setLive('wait', 'Reconnecting…');
    });
    socket.on('connect_error', async (error) => {
      setLive('wait', 'Connecting…');
      const refused = error.message === 'unauthorized' || error.data?.error_code === 'unauthorized';
      // A refused handshake is not tried again by itself.
      if (refused && (await api.refresh())) socket?.connect();
    });
    socket.on('auth:expired', async () => {
      if (await api.refresh()) socket?.emit('auth:refresh', { token: api.token });
    });
    hear(socket);
  }

  function close() {
    socket?.disconnect();
    socket = null;
  }

  return { open, close, say: (event, data) => socket?.emit(event, data) };
}
