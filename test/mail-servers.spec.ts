import { Config } from '#config/config';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { Mailer } from '#mail/mailer';
import { Mails } from '#mail/mails';
import { mailedToken } from './support/mailed-token';
import { mailbox, silentServer, tokenIn } from './support/mailbox';
import { freePort } from './support/ports';
import { Product } from './support/product';
import { until } from './support/sockets';
import { type World, close, testEnv, world } from './support/world';

// A mail server that is well, that hangs, that is not there, and none at all.

const queue = (w: World, to: string): Promise<boolean> =>
  w.app.get(Database).tx((tx) =>
    w.app.get(Mails).queue(tx, {
      organization_id: w.acme.id,
      to,
      language: 'en',
      mail: 'users.password_changed',
      values: { email: to, link: 'https://app.example' },
    }),
  );

interface Row {
  status: string;
  attempts: number;
  error: string | null;
  values_encrypted: string | null;
}

const rowOf = async (w: World, to: string): Promise<Row> =>
  (await w.sql<Row>('SELECT status, attempts, error, values_encrypted FROM outbound_mails WHERE recipient = $1', [to]))[0];

afterEach(close);

it('a server that asks for a login is given it', async () => {
  const box = await mailbox({ user: 'padaria', password: 'p@ss word/1' });
  const { port } = new URL(box.env.SMTP_URL);
  const w = await world({ SMTP_HOST: '127.0.0.1', SMTP_PORT: port, SMTP_USER: 'padaria', SMTP_PASSWORD: 'p@ss word/1' });

  await queue(w, 'ana@padaria.example');

  expect(await box.newest('ana@padaria.example')).toMatchObject({ subject: 'Your password was changed', from: { name: 'PyTake' } });
  await close();
  await box.close();
});

it('a server that refuses the login is asked again later, and no password is told', async () => {
  const box = await mailbox({ user: 'padaria', password: 'right-one' });
  const w = await world({ SMTP_URL: box.env.SMTP_URL.replace('right-one', 'wrong-one') });

  await queue(w, 'ana@padaria.example');
  await until(async () => (await rowOf(w, 'ana@padaria.example')).error, 'the first try');

  expect(await rowOf(w, 'ana@padaria.example')).toMatchObject({
    status: 'pending',
    attempts: 1,
    error: expect.stringContaining('535') as string,
  });
  expect((await rowOf(w, 'ana@padaria.example')).error).not.toContain('wrong-one');
  await close();
  await box.close();
});

it('a server that hangs holds up its mails, and nothing and nobody else', async () => {
  const silent = await silentServer();
  const w = await world(silent.env);
  const people = Array.from({ length: 8 }, (_, n) => `person-${n}@padaria.example`);

  for (const to of people) await queue(w, to);
  await until(() => silent.connections() >= 2, 'the connections that hang');

  await w.guest.post('/auth/forgot-password', { email: w.acme.agent.user.email }).expect(200);
  await w.guest
    .post('/auth/reset-password', { token: await mailedToken(w.app, w.acme.agent.user, 'password_reset'), new_password: 'fornada-das-6' })
    .expect(200);
  await w.acme.admin.get('/users').expect(200);
  expect(silent.connections()).toBeLessThanOrEqual(4);
  await until(async () => (await rowOf(w, people[0])).error, 'the end of the first try');
  expect(await rowOf(w, people[0])).toMatchObject({ status: 'pending', attempts: 1 });

  await silent.close();
  await close();
});

it('a server that is not there is asked again later; what waited leaves once it is', async () => {
  const port = await freePort();
  const w = await world({ SMTP_URL: `smtp://127.0.0.1:${port}` });
  const { email } = w.acme.agent.user;

  await w.guest.post('/auth/forgot-password', { email }).expect(200);
  await until(async () => (await rowOf(w, email)).error, 'the first try');
  expect(await rowOf(w, email)).toMatchObject({ status: 'pending', attempts: 1 });

  const box = await mailbox({ port });
  await w.sql("UPDATE outbound_mails SET due_at = now() - interval '1 minute'");
  await w.app.get(DueRows).sweep();
  const token = tokenIn(await box.newest(email));
  await w.guest.post('/auth/reset-password', { token, new_password: 'fornada-das-6' }).expect(200);
  await close();
  await box.close();
});

it('without a server mails end as failed, and say nothing any more', async () => {
  const w = await world({ MAIL_DRIVER: 'none' });

  await w.guest.post('/auth/forgot-password', { email: w.acme.agent.user.email }).expect(200);
  await until(async () => (await rowOf(w, w.acme.agent.user.email)).status !== 'pending', 'the end of the mail');

  expect(await rowOf(w, w.acme.agent.user.email)).toEqual({
    status: 'failed',
    attempts: 1,
    error: 'No SMTP server is configured.',
    values_encrypted: null,
  });
});

it('in development the last 200 stay in memory, with their links', async () => {
  const w = await world();

  await w.guest.post('/auth/forgot-password', { email: w.acme.agent.user.email }).expect(200);
  await until(() => w.app.get(Mailer).lastMails().length, 'the mail');
  const [mail] = w.app.get(Mailer).lastMails();
  expect(mail).toMatchObject({
    to: w.acme.agent.user.email,
    subject: 'Definir uma nova senha',
    html: expect.stringContaining('<html lang="pt-BR">') as string,
    links: expect.arrayContaining([expect.stringContaining('/reset-password#token=')]) as string[],
  });
  await Promise.all(Array.from({ length: 205 }, (_, n) => queue(w, `person-${n}@padaria.example`)));
  await until(async () => !(await w.sql("SELECT 1 FROM outbound_mails WHERE status = 'pending'")).length, 'the last mail');
  expect(w.app.get(Mailer).lastMails()).toHaveLength(200);
});

it('the log tells everything but tokens, passwords and addresses', async () => {
  const box = await mailbox();
  const product = await Product.start({ ...box.env, DEMO: 'false', LOG_LEVEL: 'trace' });
  const email = 'ana@padaria.example';
  try {
    await product.call('POST', '/auth/register', {
      email,
      password: 'fornada-das-5',
      full_name: 'Ana Souza',
      organization_name: 'Padaria',
    });
    const verification = tokenIn(await box.newest(email));
    await product.call('POST', '/auth/verify-email', { token: verification });
    box.refuses.set(email, 451);
    await product.call('POST', '/auth/forgot-password', { email });
    await until(() => product.output.includes('mail not sent'), 'the line about the refusal');
    box.refuses.clear();
    await product.call('POST', '/auth/forgot-password', { email });
    const reset = tokenIn(await box.newest(email, 2));
    await product.call('POST', '/auth/reset-password', { token: reset, new_password: 'fornada-das-6' });
    await until(() => product.output.includes('auth/reset-password'), 'the line about the request');

    for (const secret of [verification, reset, 'fornada-das-5', 'fornada-das-6', email]) expect(product.output).not.toContain(secret);
  } finally {
    await product.end();
    await box.close();
  }
});

describe('the settings', () => {
  const config = (env: Record<string, string>): Config =>
    new Config(testEnv('postgres://localhost/x', '/tmp', { META_APP_SECRET: 'x'.repeat(32), ...env }));
  const production = { NODE_ENV: 'production', PUBLIC_BASE_URL: 'https://pytake.padaria.example' };

  it('are a server, memory outside production, or none', () => {
    expect(config({})).toMatchObject({ mail_driver: 'memory', smtp_url: null, app_url: 'http://localhost:8000' });
    expect(config({ SMTP_HOST: 'mail.example' })).toMatchObject({ mail_driver: 'smtp', smtp_url: 'smtp://mail.example:587' });
    expect(config({ SMTP_HOST: 'mail.example', SMTP_PORT: '465', SMTP_USER: 'a@b', SMTP_PASSWORD: 'c:d' })).toMatchObject({
      smtp_url: 'smtps://a%40b:c%3Ad@mail.example:465',
    });
    expect(config({ SMTP_URL: 'smtp://one.example', SMTP_HOST: 'two.example' })).toMatchObject({ smtp_url: 'smtp://one.example' });
    expect(config({ SMTP_URL: 'smtp://mail.example', MAIL_DRIVER: 'memory' })).toMatchObject({ mail_driver: 'memory' });
    expect(config(production)).toMatchObject({ mail_driver: 'none', mail_from: 'PyTake <no-reply@pytake.padaria.example>' });
    expect(config({ APP_URL: 'https://app.example/' })).toMatchObject({ app_url: 'https://app.example' });
  });

  it('that are wrong stop the start', () => {
    const smtp = { SMTP_URL: 'smtp://mail.example' };
    expect(() => config({ ...production, ...smtp })).toThrow('MAIL_FROM is missing');
    expect(() => config({ ...smtp, MAIL_FROM: 'PyTake' })).toThrow('MAIL_FROM is "PyTake"');
    expect(() => config({ SMTP_URL: 'http://mail.example' })).toThrow('SMTP_URL is not a URL');
    expect(() => config({ SMTP_HOST: 'mail.example', SMTP_PORT: '0' })).toThrow('SMTP_PORT is "0"');
    expect(() => config({ MAIL_DRIVER: 'pigeon' })).toThrow('use one of smtp, memory, none');
    expect(config({ ...production, ...smtp, MAIL_FROM: 'Padaria <a@padaria.example>' })).toMatchObject({
      mail_from: 'Padaria <a@padaria.example>',
    });
  });
});
