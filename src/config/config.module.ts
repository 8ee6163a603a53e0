import { type DynamicModule, Module } from '@nestjs/common';
import { EgressClient } from '#common/egress';
import { Encryption } from '#common/encryption';
import { Config } from './config';

/** The one configuration, for every room. */
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [
        { provide: Config, useValue: config },
        { provide: Encryption, useValue: new Encryption(config.encryption_keys) },
        { provide: EgressClient, useFactory: () => new EgressClient({ allowed_hosts: config.egress_allowed_hosts }) },
      ],
      exports: [Config, Encryption, EgressClient],
    };
  }
}
