import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { EgressClient, isPublicAddress, type EgressOptions } from '#common/egress';
import type { AppError } from '#common/errors';

const PUBLIC = '93.184.215.14';

const servers: Server[] = [];
const clients: EgressClient[] = [];

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** Names of the test: each call of a name takes its next answer, the last one stays. */
function names(answers: Record<string, string[][]>) {
  const asked: string[] = [];
  const resolve = (hostname: string): Promise<string[]> => {
    asked.push(hostname);
    const list = answers[hostname];
    const answer = list && (list.length > 1 ? list.shift() : list[0]);
    return answer ? Promise.resolve(answer) : Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  };
  return { resolve, asked };
}

function egress(options: EgressOptions = {}): EgressClient {
  const client = new EgressClient(options);
  clients.push(client);
  return client;
}

const blocked = expect.objectContaining({ error_code: 'egress_blocked', status: 502 });
const notAllowed = expect.objectContaining({ error_code: 'url_not_allowed', status: 422 });

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.onModuleDestroy()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

describe('addresses', () => {
  it.each([
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1']],
    [
      'link-local and metadata',
      ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fd00:ec2::254', '168.63.129.16', '100.100.100.200', '192.0.0.192'],
    ],
    ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
    ['carrier-grade NAT', ['100.64.0.1', '100.127.255.255']],
    ['multicast, broadcast, reserved', ['224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1', 'ff02::1']],
    ['documentation and benchmarks', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1']],
    ['unique local and site local', ['fc00::1', 'fdff::1', 'fec0::1']],
    [
      'IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo',
      [
        '::ffff:127.0.0.1',
        '::ffff:8.8.8.8',
        '::127.0.0.1',
        '::ffff:0:10.0.0.1',
        '64:ff9b::a00:1',
        '64:ff9b:1::1',
        '2002:7f00:1::',
        '2001:0:0:1::',
      ],
    ],
    ['not yet given to anybody', ['4000::1', '100::1', '5f00::1']],
    ['no address', ['', 'localhost', '1.2.3', '1.2.3.4.5', '8.8.8.8/8']],
  ])('are not public: %s', (_kind, addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });

  it('are public where the internet routes them', () => {
    const addresses = [
      PUBLIC,
      '8.8.8.8',
      '172.32.0.1',
      '100.128.0.1',
      '192.169.0.1',
      '2606:4700:4700::1111',
      '2a03:2880:f12f:83:face:b00c:0:25de',
    ];

    expect(addresses.filter(isPublicAddress)).toEqual(addresses);
  });
});

describe('a URL that leads inside', () => {
  const urls = [
    'http://127.0.0.1/',
    'http://127.1:8000/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://①②⑦.0.0.1/',
    'http://10.0.0.1:5432/',
    'http://192.168.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0.0.0.0/',
    'http://0/',
    'http://[::]/',
    'http://[::1]:8000/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://localhost/',
    'http://localhost./',
    'http://LOCALHOST:6379/',
  ];
  const other = [
    'http://user@api.example.com/',
    'http://user:password@api.example.com/',
    'http://api.example.com@127.0.0.1/',
    'http://:secret@api.example.com/',
    'http://api.example.com:0/',
    'ftp://api.example.com/',
    'file:///etc/passwd',
    'gopher://api.example.com/',
    'javascript:alert(1)',
    'data:text/plain,hello',
    '//api.example.com/',
    'api.example.com',
    'http://',
    '',
    `https://api.example.com/${'a'.repeat(2048)}`,
  ];
  const here = { localhost: [['127.0.0.1', '::1']], 'localhost.': [['127.0.0.1']], 'api.example.com': [[PUBLIC]] };

  it.each([...urls, ...other])('is not called: %s', async (url) => {
    await expect(egress({ resolve: names(here).resolve }).fetch(url)).rejects.toEqual(blocked);
  });

  it.each([...urls, ...other])('is not saved: %s', async (url) => {
    await expect(egress({ resolve: names(here).resolve }).checkUrl(url)).rejects.toEqual(notAllowed);
  });

  it.each([
    ['a name that carries an address', { '10.0.0.1.nip.io': [['10.0.0.1']] }],
    ['the metadata service behind a name', { 'metadata.example.com': [['169.254.169.254']] }],
    ['an IPv6 answer', { 'six.example.com': [['::ffff:10.0.0.1']] }],
    ['one private address among public ones', { 'mixed.example.com': [[PUBLIC, '2606:4700:4700::1111', '192.168.1.10']] }],
    ['an answer that is no address', { 'odd.example.com': [['not an address']] }],
  ])('is refused by what its name resolves to: %s', async (_kind, answers: Record<string, string[][]>) => {
    const [host = ''] = Object.keys(answers);
    const { resolve } = names(answers);

    await expect(egress({ resolve }).fetch(`http://${host}/`)).rejects.toEqual(blocked);
    await expect(egress({ resolve }).checkUrl(`https://${host}/`)).rejects.toEqual(notAllowed);
  });

  it.each(['http://localhost:8080/', 'http://localhost./', 'http://api.localhost/'])(
    'is this machine, also where no name server knows it: %s',
    async (url) => {
      const { resolve } = names({});

      await expect(egress({ resolve }).checkUrl(url)).rejects.toEqual(notAllowed);
      await expect(egress({ resolve }).fetch(url)).rejects.toEqual(blocked);
      await expect(
        egress({ resolve, allowed_hosts: ['*.localhost', 'localhost'] }).checkUrl(url.replace('t./', 't/')),
      ).resolves.toBeUndefined();
    },
  );

  it('names the field and never the address in its error', async () => {
    const { resolve } = names({ 'intranet.example.com': [['10.1.2.3']] });

    const error = (await egress({ resolve })
      .checkUrl('http://intranet.example.com/', 'webhook_url')
      .catch((e: unknown) => e)) as AppError;

    expect(error.details).toEqual([expect.objectContaining({ loc: ['body', 'webhook_url'] })]);
    expect(JSON.stringify([error.message, error.details])).not.toContain('10.1.2.3');
  });

  it('is saved when its name is public, or does not resolve yet', async () => {
    const { resolve } = names({ 'api.example.com': [[PUBLIC, '2606:4700:4700::1111']] });

    await egress({ resolve }).checkUrl('https://api.example.com/hook?x=1');
    await egress({ resolve }).checkUrl('https://soon.example.com/hook');
    await expect(egress({ resolve }).fetch('https://soon.example.com/hook')).rejects.toMatchObject({ error_code: 'provider_unavailable' });
  });
});

describe('rebinding', () => {
  it('connects to the address it checked: one resolution for one connection', async () => {
    const hosts: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      hosts.push(request.headers.host);
      response.end('hello');
    });
    // 127.0.0.1 stands for the attacker's public server here: allowed as an address, not as a host.
    const { resolve, asked } = names({ 'shop.example.com': [['127.0.0.1'], ['169.254.169.254']] });
    const client = egress({ resolve, allowed_hosts: ['127.0.0.1'] });

    const answer = await client.fetch(`http://shop.example.com:${port}/`);

    expect(answer.body.toString()).toBe('hello');
    expect(hosts).toEqual([`shop.example.com:${port}`]);
    expect(asked).toEqual(['shop.example.com']);
  });

  it('is refused when a name that was fine at save leads inside at the call', async () => {
    let called = 0;
    const port = await serve((_request, response) => {
      called += 1;
      response.end();
    });
    const { resolve } = names({ 'rebind.example.com': [[PUBLIC], ['127.0.0.1']] });
    const client = egress({ resolve });

    await client.checkUrl(`http://rebind.example.com:${port}/`);
    await expect(client.fetch(`http://rebind.example.com:${port}/`)).rejects.toEqual(blocked);

    expect(called).toBe(0);
  });

  it('judges every new connection again', async () => {
    const port = await serve((_request, response) => response.setHeader('connection', 'close').end());
    const { resolve } = names({ 'shop.example.com': [['127.0.0.1'], ['127.0.0.2']] });
    const client = egress({ resolve, allowed_hosts: ['127.0.0.1/32'] });

    await client.fetch(`http://shop.example.com:${port}/`);
    await expect(client.fetch(`http://shop.example.com:${port}/`)).rejects.toEqual(blocked);
  });

  it('keeps the host as the TLS server name', async () => {
    const hellos: Buffer[] = [];
    const server = createTcpServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', (hello) => {
          hellos.push(hello);
          socket.destroy();
        });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { resolve } = names({ 'shop.example.com': [['127.0.0.1']] });

    const call = egress({ resolve, allowed_hosts: ['127.0.0.1'] }).fetch(
      `https://shop.example.com:${(server.address() as AddressInfo).port}/`,
    );

    await expect(call).rejects.toMatchObject({ error_code: 'provider_unavailable' });
    expect(Buffer.concat(hellos).includes('shop.example.com')).toBe(true);
    await new Promise((done) => server.close(done));
  });
});

describe('the allow-list', () => {
  it.each([
    ['a host', (port: number) => [['erp.lan'], `http://erp.lan:${port}/`]],
    ['a host in other letters', (port: number) => [['ERP.lan'], `http://erp.LAN:${port}/`]],
    ['a host and its port', (port: number) => [[`erp.lan:${port}`], `http://erp.lan:${port}/`]],
    ['a suffix', (port: number) => [['*.lan'], `http://erp.lan:${port}/`]],
    ['a suffix and a port', (port: number) => [[`*.lan:${port}`], `http://erp.lan:${port}/`]],
    ['an address', (port: number) => [['127.0.0.1'], `http://127.0.0.1:${port}/`]],
    ['an address and its port', (port: number) => [[`127.0.0.1:${port}`], `http://127.0.0.1:${port}/`]],
    ['an address behind a name', (port: number) => [['127.0.0.1'], `http://erp.lan:${port}/`]],
    ['a range', (port: number) => [['127.0.0.0/8'], `http://erp.lan:${port}/`]],
  ] as [string, (port: number) => [string[], string]][])('lets a private ERP through by %s', async (_kind, rule) => {
    const port = await serve((_request, response) => response.end('erp'));
    const [allowed_hosts, url] = rule(port);
    const client = egress({ allowed_hosts, resolve: names({ 'erp.lan': [['127.0.0.1']] }).resolve });

    await client.checkUrl(url);
    expect((await client.fetch(url)).body.toString()).toBe('erp');
  });

  it.each([
    [['erp.lan:1'], 'http://erp.lan:2/'],
    [['erp.lan'], 'http://not-erp.lan/'],
    [['erp.lan'], 'http://sub.erp.lan/'],
    [['*.erp.lan'], 'http://erp.lan/'],
    [['*.erp.lan'], 'http://evilerp.lan/'],
    [['erp.lan'], 'http://erp.lan@127.0.0.1/'],
    [['10.0.0.0/8'], 'http://192.168.0.1/'],
    [['10.0.0.1'], 'http://[::ffff:10.0.0.1]/'],
    [['erp.lan'], 'ftp://erp.lan/'],
  ])('opens nothing else: %j does not allow %s', async (allowed_hosts, url) => {
    const everywhere = (): Promise<string[]> => Promise.resolve(['192.168.0.1']);

    await expect(egress({ allowed_hosts, resolve: everywhere }).fetch(url)).rejects.toEqual(blocked);
    await expect(egress({ allowed_hosts, resolve: everywhere }).checkUrl(url)).rejects.toEqual(notAllowed);
  });

  it('refuses an entry it cannot read', () => {
    expect(() => egress({ allowed_hosts: ['http://erp.lan/'] })).toThrow('EGRESS_ALLOWED_HOSTS contains "http://erp.lan/"');
  });
});

describe('an answer', () => {
  const allowed_hosts = ['127.0.0.1'];

  it('comes back whole: method, headers, body, status', async () => {
    const seen: { method?: string; url?: string; headers?: IncomingMessage['headers']; body?: string } = {};
    const port = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        Object.assign(seen, { method: request.method, url: request.url, headers: request.headers, body });
        response.writeHead(418, { 'x-kind': ['a', 'b'], 'content-type': 'application/json' }).end('{"ok":false}');
      });
    });

    const answer = await egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/a%20b?c=d#e`, {
      method: 'POST',
      headers: { 'X-Signature': 's', Host: 'internal.example.com', Connection: 'upgrade', 'Content-Length': '1' },
      body: '{"olá":1}',
    });

    expect(seen).toMatchObject({ method: 'POST', url: '/a%20b?c=d', body: '{"olá":1}' });
    expect(seen.headers).toMatchObject({ 'x-signature': 's', host: `127.0.0.1:${port}`, 'content-length': '10' });
    expect(answer).toMatchObject({ status: 418, truncated: false, headers: { 'x-kind': 'a, b', 'content-type': 'application/json' } });
    expect(answer.body.toString()).toBe('{"ok":false}');
  });

  it('may be a redirect, which is not followed', async () => {
    let inside = 0;
    const secret = await serve((_request, response) => {
      inside += 1;
      response.end('secret');
    });
    const port = await serve((_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${secret}/` }).end());

    const answer = await egress({ allowed_hosts: [`127.0.0.1:${port}`] }).fetch(`http://127.0.0.1:${port}/`);

    expect(answer.status).toBe(302);
    expect(inside).toBe(0);
  });

  const endless = (_request: IncomingMessage, response: ServerResponse): void => {
    const chunk = Buffer.alloc(16 * 1024, 'x');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };

  it('is cut when its body does not end', async () => {
    const port = await serve(endless);

    const answer = await egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`, { max_bytes: 100_000 });

    expect(answer).toMatchObject({ status: 200, truncated: true });
    expect(answer.body.length).toBe(100_000);
  });

  it('is cut after 64 KB unless told otherwise', async () => {
    const port = await serve((_request, response) => response.end(Buffer.alloc(65 * 1024)));
    const client = egress({ allowed_hosts });

    expect(await client.fetch(`http://127.0.0.1:${port}/`)).toMatchObject({ truncated: true, body: { length: 64 * 1024 } });
    expect(await client.fetch(`http://127.0.0.1:${port}/`, { max_bytes: 65 * 1024 })).toMatchObject({
      truncated: false,
      body: { length: 65 * 1024 },
    });
  });

  it('is cut when a small gzip body becomes a large one', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const port = await serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(bomb));

    const answer = await egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`, { max_bytes: 1000 });

    expect(answer.truncated).toBe(true);
    expect(answer.body).toEqual(Buffer.alloc(1000));
  });

  it('may be left unread', async () => {
    const port = await serve((_request, response) => response.writeHead(404).end('gone'));

    const { status, body } = await egress({ allowed_hosts: ['127.0.0.1'] }).stream(`http://127.0.0.1:${port}/`);
    body.destroy();
    await new Promise((done) => body.once('close', done));

    expect(status).toBe(404);
  });

  it('is decompressed when the server compresses unasked', async () => {
    const port = await serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('olá')));

    expect((await egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`)).body.toString()).toBe('olá');
  });

  it('is an error when its compression is broken', async () => {
    const port = await serve((_request, response) => response.setHeader('content-encoding', 'gzip').end('not gzip'));

    await expect(egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      error_code: 'provider_unavailable',
    });
  });

  it.each([
    ['never starts', () => undefined],
    [
      'drips',
      (_request: IncomingMessage, response: ServerResponse) => {
        const drip = setInterval(() => response.write('x'), 5);
        response.on('close', () => clearInterval(drip));
      },
    ],
    [
      'drips compressed',
      (_request: IncomingMessage, response: ServerResponse) => {
        response.setHeader('content-encoding', 'gzip').write(gzipSync('x').subarray(0, 12));
      },
    ],
  ] as [string, RequestListener][])('that %s ends with the time allowed', async (_kind, listener) => {
    const port = await serve(listener);

    await expect(egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`, { timeout_ms: 200 })).rejects.toMatchObject({
      status: 504,
      error_code: 'provider_timeout',
    });
  });

  it('that waits for a name ends with the time allowed', async () => {
    const client = egress({ resolve: () => new Promise(() => undefined), timeout_ms: 100 });

    await expect(client.fetch('http://slow.example.com/')).rejects.toMatchObject({ error_code: 'provider_timeout' });
  });

  it('that never comes is an error without the inside of the network in it', async () => {
    const port = await serve(() => undefined);
    await new Promise((done) => servers.pop()?.close(done));

    const error = (await egress({ allowed_hosts })
      .fetch(`http://127.0.0.1:${port}/`)
      .catch((e: unknown) => e)) as AppError;

    expect(error).toMatchObject({ status: 502, error_code: 'provider_unavailable' });
    expect(error.message).not.toContain('127.0.0.1');
  });

  it('is not asked for with a header that splits the request', async () => {
    const port = await serve((_request, response) => response.end());

    await expect(egress({ allowed_hosts }).fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-a': 'b\r\nx-c: d' } })).rejects.toMatchObject(
      { status: 422 },
    );
  });
});
