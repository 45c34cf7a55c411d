/** Parsers of option values: what isn't a value of the option is told before anything is done. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

/** Seconds as a number with decimals; the command gets milliseconds. */
export function secondsAsMs(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max) return value * 1000;
    throw new InvalidArgumentError(`It is a number of seconds from ${min} to ${max}.`);
  };
}

export function shardNumber(): (text: string) => number {
  return wholeNumber(0, 65_535);
}
