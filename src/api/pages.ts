import { socketCatalogue } from '#realtime/realtime.events';
import { COMMANDS, NOTICES, RAW_COMMANDS, RAW_NOTICES } from '#realtime/realtime.protocol';
import { type AsyncApi, eventKey } from './asyncapi';
import { errorTable } from './openapi-errors';

/** Small pages for people, made of the documents; no script, nothing from other hosts. */
const page = (title: string, intro: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; background: light-dark(#f2f6f4, #10201a); color: light-dark(#14261e, #e6f2ec); }
  main { max-width: 72rem; margin: 0 auto; padding: 2rem 4vw; }
  a { color: light-dark(#0b7a49, #4fd798); }
  nav a { margin-right: 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; border-bottom: 1px solid light-dark(#d7e5dd, #27483a); }
  code, pre { font: .875rem/1.45 ui-monospace, monospace; }
  pre { margin: .5rem 0 0; padding: .75rem; overflow: auto; max-height: 20rem; border-radius: .5rem; background: light-dark(#fff, #183026); }
  summary { cursor: pointer; }
</style>
</head>
<body><main>
<h1>${escape(title)}</h1>
<p>${words(intro)}</p>
<nav><a href="/">Start</a> <a href="/api/v1/docs">REST</a> <a href="/api/v1/realtime">Realtime</a> <a href="/api/v1/errors">Errors</a></nav>
${body}
</main></body>
</html>`;

const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
/** Text with `code`. */
const words = (text: string): string => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const table = (heads: string[], rows: string[][]): string =>
  `<table><thead><tr>${heads.map((head) => `<th scope="col">${escape(head)}</th>`).join('')}</tr></thead><tbody>${rows
    .map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
    .join('\n')}</tbody></table>`;

/** Every error code of every door. */
export const errorsPage = (): string =>
  page(
    'Errors',
    'Every door answers errors in one shape; `error_code` is the word to rely on, `message` is for people.',
    table(
      ['error_code', 'Status', 'Cause', 'What helps'],
      errorTable().map(({ error_code, status, cause, remedy, by }) => [
        `<code id="${error_code}">${error_code}</code>`,
        `${status}${by === 'sockets' ? ' (sockets)' : by === 'graphql' ? ' (GraphQL)' : ''}`,
        words(cause),
        words(remedy),
      ]),
    ),
  );

/** One thing said, with an example. */
const saidRow = (name: string, text: string, sample: unknown): string[] => [
  `<code>${escape(name)}</code>`,
  `${words(text)}<details><summary>Example</summary><pre>${escape(JSON.stringify(sample, null, 2))}</pre></details>`,
];
const said = (title: string, text: string, rows: string[][]): string =>
  `<h3>${escape(title)}</h3><p>${words(text)}</p>${table(['Name', 'When'], rows)}`;

type Said = Record<string, { text: string; sample: object }>;
const rowsOf = (names: Said): string[][] => Object.entries(names).map(([name, { text, sample }]) => saidRow(name, text, sample));
const frameRows = (types: Said): string[][] =>
  Object.entries(types).map(([type, { text, sample }]) => saidRow(type, text, { type, ...sample }));

/** What the AsyncAPI document says, readable. */
export function realtimePage({ channels, components, info }: AsyncApi): string {
  const events = socketCatalogue().map(([event, { text }]) =>
    saidRow(event, text, components.messages[eventKey(event)].examples[0].payload),
  );
  return page(
    'Realtime',
    String(info.description),
    `<p>For machines: <a href="/api/v1/asyncapi.json">the AsyncAPI 3 document</a>.</p>
<h2>Events</h2>
${said('Of your organization', 'On Socket.IO the event of that name; on `/ws` a frame `{type: "event", channel, event, data, timestamp}` to whoever has the channel.', events)}
<h2>${escape(channels.socketio.title)} <code>${channels.socketio.address}</code></h2>
<p>${words(channels.socketio.description)}</p>
${said('What you may say', 'Each is answered to its ack: `{ok: true, ...}` or `{ok: false, error_code, message}`.', rowsOf(COMMANDS))}
${said('What you alone hear', 'Beside the events.', rowsOf(NOTICES))}
<h2>${escape(channels.ws.title)} <code>${channels.ws.address}</code>, <code>${channels.wsConversations.address}</code></h2>
<p>${words(channels.ws.description)} ${words(channels.wsConversations.description)}</p>
${said('What you may say', 'One JSON object in a text frame.', frameRows(RAW_COMMANDS))}
${said('What you alone hear', 'Beside the events.', frameRows(RAW_NOTICES))}`,
  );
}
