// The stepper's server as the source of what the page shows; recorded.js is the other one. Both have `kind`, and
//     command(text)   its answer: {ok, text, data}
//     listen(hear)    calls hear[event](data) for each event
// The token of this run stands in the page's own address, behind the #.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
const kAgainMs = 1000;

export const live = () => ({kind: 'live', command, listen});

async function command(text) {
  try {
    const response = await fetch('/command', {
      method: 'POST',
      headers: {'Stepper-Token': token, 'Content-Type': 'application/json'},
      body: JSON.stringify({command: text}),
    });
    if (response.ok) return await response.json();
    return {ok: false, text: await response.text(), data: {}};
  } catch {
    return {ok: false, text: 'The stepper does not answer.', data: {}};
  }
}

/// Calls hear[event](data) for each event, and hear.away(why) while there are none. An EventSource
/// cannot send the token, so the stream is read here.
async function listen(hear) {
  while (true) {
    try {
      const response = await fetch('/events', {headers: {'Stepper-Token': token}});
      if (response.status === 403) return hear.away('Open the address that the stepper printed');
      if (response.ok) await read(response.body, hear);
      hear.away(response.ok ? 'The stepper has ended' : 'Too many pages are open');
    } catch {
      hear.away('The stepper has ended');
    }
    await new Promise((done) => setTimeout(done, kAgainMs));
  }
}

async function read(body, hear) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (true) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const [, name, data] = event.match(/^event: (.*)\ndata: (.*)$/) ?? [];
      try {
        hear[name]?.(JSON.parse(data));
      } catch (error) {
        reportError(error);  // of the page, not of the line to the stepper
      }
    }
  }
}
