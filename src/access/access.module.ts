import { Global, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { ThrottlerModule, type ThrottlerModuleOptions, ThrottlerStorage, getOptionsToken } from '@nestjs/throttler';
import { Config } from '#config/config';
import './access.errors';
import './access.events';
import { JwtGuard, RolesGuard } from './guards';
import { JwtStrategy } from './jwt.strategy';
import { Sessions } from './sessions';
import { RateStore, ThrottleGuard } from './throttle';

/** The global guards, in the order of the contract: who (401), how often (429), may and whose (403). */
@Global()
@Module({
  imports: [
    PassportModule,
    JwtModule.registerAsync({
      inject: [Config],
      useFactory: (config: Config) => ({
        secret: config.jwt_secret,
        signOptions: { algorithm: 'HS256' },
        verifyOptions: { algorithms: ['HS256'] },
      }),
    }),
    ThrottlerModule.forRoot({ throttlers: [] }),
  ],
  providers: [
    JwtStrategy,
    Sessions,
    RateStore,
    {
      provide: ThrottleGuard,
      inject: [getOptionsToken(), RateStore, Reflector, Config],
      useFactory: (options: ThrottlerModuleOptions, store: ThrottlerStorage, reflector: Reflector, config: Config): ThrottleGuard =>
        Object.assign(new ThrottleGuard(options, store, reflector), { config }),
    },
    { provide: APP_GUARD, useClass: JwtGuard },
    { provide: APP_GUARD, useExisting: ThrottleGuard },
    { provide: APP_GUARD, useClass: RolesGuard },
  ],
  exports: [Sessions, JwtModule, RateStore, ThrottleGuard],
})
export class AccessModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: Config,
    private readonly sessions: Sessions,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.process_role !== 'worker') this.sessions.listen();
  }
}
