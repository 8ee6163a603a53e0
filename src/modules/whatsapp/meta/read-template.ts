import type { JsonObject } from '#common/json.scalar';
import type { FoundTemplate } from '../provider';
import { type Json, asId, asList, asObject, asWords, cleanJson, isObject } from '../wire';

/** A template of the Graph API as our row has it. */
export function readTemplate(item: Json): FoundTemplate {
  const name = asWords(item.name, 512);
  // Webhooks write en-US, answers en_US.
  const language = asWords(item.language, 20)?.replaceAll('-', '_') ?? null;
  const category = asWords(item.category, 30)?.toUpperCase();
  const status = asWords(item.status, 30)?.toUpperCase();
  const missing = Object.entries({ name, language, category, status })
    .filter(([, value]) => !value)
    .map(([field]) => field);
  if (!name || !language || !category || !status)
    return { name, language, error: `${name ?? asId(item.id) ?? 'a template'}: ${missing.join(', ')} missing or too long` };
  if (!Array.isArray(item.components)) return { name, language, error: `${name} (${language}): components missing` };
  const reason = asWords(item.rejected_reason, 500);
  return {
    meta_template_id: asId(item.id),
    name,
    language,
    category,
    status,
    rejected_reason: reason === 'NONE' ? null : reason,
    quality_score: asWords(asObject(item.quality_score)?.score ?? item.quality_score, 20),
    parameter_format: asWords(item.parameter_format)?.toUpperCase() === 'NAMED' ? 'named' : 'positional',
    components: cleanJson(asList(item.components).filter(isObject)) as JsonObject[],
  };
}
