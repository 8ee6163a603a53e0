import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Request } from 'express';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { bearerOf } from '#common/bearer';
import { Config } from '#config/config';
import { type AccessClaims, type Session, Sessions } from './sessions';

/** Bearer token → live session. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    config: Config,
    private readonly sessions: Sessions,
  ) {
    // A key, which the types do not know of: a text would with every request be tried as a public key first.
    const secretOrKey = createSecretKey(Buffer.from(config.jwt_secret)) as unknown as Buffer;
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey, algorithms: ['HS256'], passReqToCallback: true });
  }

  validate({ headers }: Request, claims: AccessClaims): Promise<Session> {
    this.sessions.note(bearerOf(headers.authorization), claims);
    return this.sessions.check(claims);
  }
}
