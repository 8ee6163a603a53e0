import { Module } from '@nestjs/common';

/** Teams of agents. */
@Module({})
export class DepartmentsModule {}
