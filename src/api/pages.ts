import type { AsyncApi, AsyncMessage } from './asyncapi';
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

/** The AsyncAPI document, readable. */
export function realtimePage(document: AsyncApi): string {
  const { channels, components, info } = document;
  const row = ({ name, summary, examples }: AsyncMessage): string[] => [
    `<code>${escape(name)}</code>`,
    `${words(summary)}<details><summary>Example</summary><pre>${escape(JSON.stringify(examples[0].payload, null, 2))}</pre></details>`,
  ];
  const part = (title: string, text: string, start: RegExp, not?: RegExp): string =>
    `<h3>${escape(title)}</h3><p>${words(text)}</p>${table(
      ['Name', 'When'],
      Object.entries(components.messages)
        .filter(([key]) => start.test(key) && !not?.test(key))
        .map(([, message]) => row(message)),
    )}`;
  const commands = Object.values(document.operations)
    .filter(({ reply }) => reply)
    .map(({ messages }) => (messages as { $ref: string }[])[0].$ref.split('/').pop() ?? '');
  const isCommand = new RegExp(`^(${commands.join('|')})$`);
  return page(
    'Realtime',
    String(info.description),
    `<p>For machines: <a href="/api/v1/asyncapi.json">the AsyncAPI 3 document</a>.</p>
<h2>Events</h2>
${part('Of your organization', 'On Socket.IO the event of that name; on `/ws` a frame `{type: "event", channel, event, data, timestamp}` to whoever has the channel.', /^socketio_event_/)}
<h2>${escape(channels.socketio.title)} <code>${channels.socketio.address}</code></h2>
<p>${words(channels.socketio.description)}</p>
${part('What you may say', 'Each is answered to its ack: `{ok: true, ...}` or `{ok: false, error_code, message}`.', isCommand)}
${part('What you alone hear', 'Beside the events.', /^socketio_/, new RegExp(`^socketio_event_|_ack$|${isCommand.source}`))}
<h2>${escape(channels.ws.title)} <code>${channels.ws.address}</code>, <code>${channels.wsConversations.address}</code></h2>
<p>${words(channels.ws.description)} ${words(channels.wsConversations.description)}</p>
${part('What you may say', 'One JSON object in a text frame.', /^ws_.*_frame$/)}
${part('What you alone hear', 'Beside the events.', /^ws_/, /^ws_event_|_frame$/)}`,
  );
}
