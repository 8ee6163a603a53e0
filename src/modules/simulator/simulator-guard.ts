import type { Request, RequestHandler } from 'express';
import ipaddr from 'ipaddr.js';
import { bearerOf } from '#common/bearer';
import { AppError, Forbidden } from '#common/errors';
import { isSameSecret } from '#common/same-secret';
import type { Config } from '#config/config';

const COOKIE = 'pytake_simulator';
/** Where it leads after the token was taken out of the address. */
const PAGE = '/simulator';
/** Signs that the neighbour is a proxy and the visitor somebody else. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
/** A form of another site cannot send it. */
const UPLOAD_HEADER = 'x-pytake-simulator';

/**
 * Who may come to the simulator inside the product: who sits at its machine, where no proxy is expected there, and who has its token (as
 * `?token=` once, then a cookie, or as a bearer). Never a page of another site, be it in the browser of either.
 */
export function simulatorGuard(token: string, config: Pick<Config, 'public_base_url' | 'trust_proxy'>): RequestHandler {
  const isAlone = !isBehindProxy(config);
  const isToken = (given: unknown): boolean => typeof given === 'string' && isSameSecret(token, given);

  return (req, res, next) => {
    if (!isOwnPage(req))
      return next(new Forbidden('cross_origin', 'The simulator answers its own page only, not one of another site or address.'));
    if (req.method === 'GET' && isToken(req.query['token'])) {
      res.cookie(COOKIE, token, { httpOnly: true, sameSite: 'strict', path: PAGE, secure: req.secure });
      return res.redirect(PAGE);
    }
    const hasToken = isToken(bearerOf(req.headers.authorization)) || isToken(req.headers['apikey']) || isToken(cookieOf(req));
    if (!hasToken && !(isAlone && isLoopback(req) && LOOPBACK_NAMES.includes(hostnameOf(req))))
      return next(
        new Forbidden(
          'simulator_token_required',
          'The simulator is for who sits at its machine. From elsewhere add ?token=, as the console printed it when PyTake started.',
        ),
      );
    if (!isFitBody(req))
      return next(new AppError(415, 'unsupported_media_type', `Send JSON, or a multipart form with the header ${UPLOAD_HEADER}.`));
    return next();
  };
}

/** A proxy on the same machine may send nothing that tells its visitors from who sits there: where one is expected, everybody shows the token. */
export const isBehindProxy = ({ public_base_url, trust_proxy }: Pick<Config, 'public_base_url' | 'trust_proxy'>): boolean =>
  trust_proxy !== false || !LOOPBACK_NAMES.includes(new URL(public_base_url).hostname);

/** A browser says where a call comes from; whoever says nothing is no browser, or one that asks for a page itself. */
function isOwnPage(req: Request): boolean {
  const { origin, host, 'sec-fetch-site': site } = req.headers;
  if (typeof site === 'string' && site !== 'same-origin' && site !== 'none') return false;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
}

/** The neighbour on the wire is this machine, and no proxy for others. */
function isLoopback(req: Request): boolean {
  const address = req.socket.remoteAddress;
  if (address === undefined || !ipaddr.isValid(address) || ipaddr.process(address).range() !== 'loopback') return false;
  return PROXY_HEADERS.every((name) => req.headers[name] === undefined);
}

/** As it was asked for, whatever TRUST_PROXY makes of it: a name that was pointed at this machine is not the machine's. */
function hostnameOf(req: Request): string {
  return /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.exec(req.headers.host ?? '')?.[1]?.toLowerCase() ?? '';
}

function cookieOf(req: Request): string | undefined {
  const pairs = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === COOKIE)?.[1];
}

/** Simple forms need no leave of the browser; JSON and headers of one's own do. */
function isFitBody(req: Request): boolean {
  if (req.headers['content-length'] === '0' || req.is('*/*') === null) return true;
  return (
    Boolean(req.is('json')) ||
    (Boolean(req.is('multipart/form-data')) && (bearerOf(req.headers.authorization) ?? req.headers[UPLOAD_HEADER]) !== undefined)
  );
}
