import { Global, Module } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import { createConnection } from 'mongoose';
import { Mongo } from './mongo';

/**
 * The connection every `MongooseModule.forFeature` finds by its token. Made here, closed: `MongooseModule.forRoot` opens it at once, makes the
 * start wait for it, and wants a URL even where MongoDB is not configured. `Mongo` opens it.
 */
@Global()
@Module({
  providers: [{ provide: getConnectionToken(), useFactory: () => createConnection() }, Mongo],
  exports: [getConnectionToken(), Mongo],
})
export class MongoModule {}
