import { Module } from '@nestjs/common';
import './simulator.errors';
import { SimulatorService } from './simulator.service';

/**
 * The fake Meta and its page under `/simulator`; nothing is there unless SIMULATOR_ENABLED.
 * Plain Express routes, outside `/api/v1` and the guards: Meta's doors are not ours, and the standalone process serves the same ones.
 * Who may come to them says `simulator-guard.ts`.
 */
@Module({ providers: [SimulatorService], exports: [SimulatorService] })
export class SimulatorModule {}
