import { type DynamicModule, Module } from '@nestjs/common';
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
        { provide: Encryption, useValue: new Encryption(config.encryption_key) },
      ],
      exports: [Config, Encryption],
    };
  }
}
