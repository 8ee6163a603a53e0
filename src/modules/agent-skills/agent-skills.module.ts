import { Module } from '@nestjs/common';

/** What agents can do, and how well. */
@Module({})
export class AgentSkillsModule {}
