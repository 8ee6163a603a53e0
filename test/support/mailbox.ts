import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { until } from './sockets';

/** A mail as it came over the wire. */
export interface ReceivedMail extends Email {
  /** Whom the envelope names. */
  to_address: string;
  text: string;
  html: string;
  /** As the letters stand on the wire. */
  raw: string;
}

/** A mail server on a free port: its `env` goes to `world()`. */
export interface Mailbox {
  env: { SMTP_URL: string };
  /** As they came, the newest last. */
  mails: ReceivedMail[];
  /** Recipients that are answered with this SMTP code. */
  refuses: Map<string, number>;
  /** Mails to somebody. */
  of(to: string): ReceivedMail[];
  /** Waits until somebody has so many, and answers the newest. */
  newest(to: string, count?: number): Promise<ReceivedMail>;
  close(): Promise<void>;
}

export async function mailbox({
  user,
  password,
  port: wanted = 0,
}: { user?: string; password?: string; port?: number } = {}): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const refuses = new Map<string, number>();
  const server = new SMTPServer({
    logger: false,
    disabledCommands: user ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) => {
      if (auth.username === user && auth.password === password) done(null, { user });
      else done(new Error('Invalid login'));
    },
    onRcptTo: ({ address }, _session, done) => {
      const responseCode = refuses.get(address);
      if (responseCode) done(Object.assign(new Error('Not today'), { responseCode }));
      else done();
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        PostalMime.parse(raw)
          .then((mail) => {
            for (const { address } of session.envelope.rcptTo)
              mails.push({ ...mail, text: mail.text ?? '', html: mail.html ?? '', to_address: address, raw: raw.toString() });
            done();
          })
          .catch(done);
      });
    },
  });
  server.listen(wanted, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const login = user ? `${user}:${encodeURIComponent(password ?? '')}@` : '';
  const of = (to: string): ReceivedMail[] => mails.filter(({ to_address }) => to_address === to);
  return {
    env: { SMTP_URL: `smtp://${login}127.0.0.1:${port}` },
    mails,
    refuses,
    of,
    newest: async (to, count = 1) => {
      await until(() => of(to).length >= count, `mail ${count} to ${to}`);
      return of(to).at(-1) as ReceivedMail;
    },
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}

/** The token behind the link of a mail. */
export function tokenIn({ text }: Pick<ReceivedMail, 'text'>): string {
  const token = /#token=([\w-]+)/.exec(text)?.[1];
  if (!token) throw new Error(`No token in:\n${text}`);
  return token;
}

/** A mail server that takes connections and never says a word. */
export async function silentServer(): Promise<{ env: { SMTP_URL: string }; connections: () => number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: { SMTP_URL: `smtp://127.0.0.1:${port}` },
    connections: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
