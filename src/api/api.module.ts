import { Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import './api.errors';
import { ErrorsFilter } from './errors.filter';
import { GeneralController, StartPageController } from './general.controller';
import { GraphqlDoorModule } from './graphql.module';
import { InputPipe } from './validation.pipe';

/** What all doors share: validation, the error shape, the documents. */
@Module({
  imports: [GraphqlDoorModule],
  controllers: [GeneralController, StartPageController],
  providers: [
    { provide: APP_PIPE, useClass: InputPipe },
    { provide: APP_FILTER, useClass: ErrorsFilter },
  ],
})
export class ApiModule {}
