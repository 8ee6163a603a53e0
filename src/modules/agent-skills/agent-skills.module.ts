import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './agent-skills.demo';
import './agent-skills.events';
import { AgentSkillsController } from './agent-skills.controller';
import { AgentSkillsResolver } from './agent-skills.resolver';
import { AgentSkillsService } from './agent-skills.service';
import { UserSkillsController } from './user-skills.controller';

/** What agents can do, and how well. */
@Module({
  imports: [OrganizationsModule, UsersModule],
  controllers: [AgentSkillsController, UserSkillsController],
  providers: [AgentSkillsService, AgentSkillsResolver],
  exports: [AgentSkillsService],
})
export class AgentSkillsModule {}
