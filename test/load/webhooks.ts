import { createHmac } from 'node:crypto';

/** Which webhooks to send: texts of `contacts` people to one number, each with an id of its own. */
export interface Webhooks {
  secret: string;
  phone_number_id: string;
  waba_id: string;
  contacts: number;
  /** Begins every message id of this run. */
  prefix: string;
}

/** The message id of the n-th webhook. */
export const idOf = (prefix: string, n: number): string => `wamid.${prefix}.${String(n).padStart(8, '0')}`;

/** The n-th webhook, a text as Meta sends it. */
export function bodyOf({ phone_number_id, waba_id, contacts, prefix }: Webhooks, n: number): Buffer {
  // Not one after the other as their rows lie on the disk: 7919 is prime.
  const person = (n * 7919) % contacts;
  const from = `55119${String(80_000_000 + person)}`;
  return Buffer.from(
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: waba_id,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '551150399000', phone_number_id },
                contacts: [{ profile: { name: `Cliente ${person}` }, wa_id: from, user_id: `BR.${1_502_000_000_000_000 + person}` }],
                messages: [
                  {
                    from,
                    from_user_id: `BR.${1_502_000_000_000_000 + person}`,
                    id: idOf(prefix, n),
                    timestamp: String(Math.floor(Date.now() / 1000)),
                    type: 'text',
                    text: { body: `Olá! Gostaria de saber do pedido ${n}: já saiu para entrega? 😊` },
                  },
                ],
              },
            },
          ],
        },
      ],
    }),
  );
}

/** The n-th webhook of a flood: one body of so many texts, as many as Meta's 3 MB hold. */
export function floodOf({ phone_number_id, waba_id, contacts, prefix }: Webhooks, n: number, texts: number): Buffer {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const messages = Array.from({ length: texts }, (_, i) => ({
    from: `55119${String(80_000_000 + (i % contacts))}`,
    id: idOf(prefix, n * texts + i),
    timestamp,
    type: 'text',
    text: { body: `oi ${i}` },
  }));
  const metadata = { display_phone_number: '551150399000', phone_number_id };
  const changes = [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata, messages } }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: waba_id, changes }] }));
}

/** A signed body as one HTTP/1.1 request. */
export function requestOf(body: Buffer, secret: string, path: string): Buffer {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const head =
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
    `User-Agent: facebookexternalua\r\nX-Hub-Signature-256: sha256=${signature}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
