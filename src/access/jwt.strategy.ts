import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Config } from '#config/config';
import { type AccessClaims, type Session, Sessions } from './sessions';

/** Bearer token → live session. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    config: Config,
    private readonly sessions: Sessions,
  ) {
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: config.jwt_secret, algorithms: ['HS256'] });
  }

  validate(claims: AccessClaims): Promise<Session> {
    return this.sessions.check(claims);
  }
}
