extension Page {
    /// Chat and the live view; text of models only ever becomes text nodes.
    static let script = #"""
        'use strict';
        const $ = id => document.getElementById(id);
        const history = [];
        let running = null;
        $('key').value = localStorage.getItem('skein-key') || '';
        $('key').onchange = () => { localStorage.setItem('skein-key', $('key').value); models(); };
        const headers = () => $('key').value ? {Authorization: 'Bearer ' + $('key').value} : {};
        // Requests of this page bear a name that nobody else knows; the server shows their tokens to it alone.
        const own = 'page-' + [...crypto.getRandomValues(new Uint8Array(12))]
          .map(n => n.toString(16).padStart(2, '0')).join('');
        let asked = 0;
        async function models() {
          try {
            const answer = await fetch('/v1/models', {headers: headers()});
            const list = (await answer.json()).data || [];
            $('model').replaceChildren(...list.map(m => new Option(m.id, m.id)));
          } catch { setTimeout(models, 2000); }
        }
        function show(role, text) {
          const box = document.createElement('div');
          box.className = 'message ' + role;
          box.textContent = text;
          $('log').append(box);
          $('log').scrollTop = $('log').scrollHeight;
          return box;
        }
        function draw() {
          $('log').replaceChildren();
          for (const m of history) show(m.role, m.content);
        }
        function number(id) { const v = $(id).value; return v === '' ? undefined : Number(v); }
        async function* events(answer) {
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          let held = '';
          for (;;) {
            const {value, done} = await reader.read();
            if (done) return;
            held += value;
            let end;
            while ((end = held.indexOf('\n\n')) >= 0) {
              const line = held.slice(0, end).split('\n').find(l => l.startsWith('data: '));
              held = held.slice(end + 2);
              if (line && line !== 'data: [DONE]') yield JSON.parse(line.slice(6));
            }
          }
        }
        async function ask(path, body, signal) {
          const answer = await fetch(path, {method: 'POST', signal, body: JSON.stringify(body),
            headers: {...headers(), 'content-type': 'application/json', 'x-request-id': own + '-' + ++asked}});
          if (answer.ok) return answer;
          const problem = (await answer.json()).error;
          throw Object.assign(new Error(problem.message), {code: problem.code});
        }
        async function respond() {
          const abort = new AbortController();
          running = abort;
          $('send').disabled = $('again').disabled = true;
          $('stop').disabled = false;
          const box = show('assistant', '');
          $('tokens').replaceChildren();
          const message = {role: 'assistant', content: ''};
          const start = performance.now();
          let first = 0, tokens = 0, usage = null;
          try {
            const options = {model: $('model').value, stream: true, stream_options: {include_usage: true},
              temperature: number('temperature'), top_p: number('top_p'), top_k: number('top_k'),
              min_p: number('min_p'), max_tokens: number('max_tokens'), seed: number('seed'),
              'speculative.n_max': number('drafts'), stop: $('stops').value ? [$('stops').value] : undefined};
            const system = $('system').value ? [{role: 'system', content: $('system').value}] : [];
            let answer;
            try {
              answer = await ask('/v1/chat/completions',
                {...options, messages: [...system, ...history]}, abort.signal);
            } catch (problem) {
              if (problem.code !== 'no_chat_template') throw problem;
              const prompt = history.map(m => m.content).join('');
              answer = await ask('/v1/completions', {...options, prompt}, abort.signal);
            }
            for await (const event of events(answer)) {
              if (event.error) throw new Error(event.error.message);
              if (event.usage) usage = event.usage;
              const choice = event.choices && event.choices[0];
              const piece = choice && (choice.delta ? choice.delta.content : choice.text);
              if (!piece) continue;
              first = first || performance.now();
              tokens += 1;
              message.content += piece;
              box.textContent = message.content;
              $('log').scrollTop = $('log').scrollHeight;
            }
          } catch (problem) {
            if (problem.name !== 'AbortError') show('error', problem.message);
          }
          const seconds = (performance.now() - first) / 1000;
          if (first) {
            const cached = usage ? usage.prompt_tokens_details.cached_tokens : 0;
            if (usage) tokens = usage.completion_tokens;
            $('figures').textContent = `${((tokens - 1) / seconds || 0).toFixed(1)} tokens/s, first after `
              + `${(first - start).toFixed(0)} ms` + (usage ? `, prompt ${usage.prompt_tokens} (${cached} cached)`
              + `, answer ${usage.completion_tokens}` : '');
          }
          if (message.content) history.push(message); else box.remove();
          running = null;
          $('send').disabled = false;
          $('again').disabled = history.length === 0;
          $('stop').disabled = true;
        }
        $('form').onsubmit = event => {
          event.preventDefault();
          if (running) return;
          history.push({role: 'user', content: $('text').value});
          $('text').value = '';
          draw();
          respond();
        };
        $('text').onkeydown = event => {
          if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); $('form').requestSubmit(); }
        };
        $('stop').onclick = () => running && running.abort();
        $('again').onclick = () => {
          if (running) return;
          while (history.length && history[history.length - 1].role === 'assistant') history.pop();
          draw();
          if (history.length) respond();
        };
        $('clear').onclick = () => { if (!running) { history.length = 0; draw(); $('figures').textContent = ''; } };

        const steps = [];
        const bytes = n => n > 1e9 ? (n / 1e9).toFixed(2) + ' GB' : (n / 1e6).toFixed(2) + ' MB';
        function plot() {
          const canvas = $('rows'), pen = canvas.getContext('2d'), style = getComputedStyle(document.body);
          const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
          canvas.width = width * ratio; canvas.height = height * ratio;
          pen.scale(ratio, ratio);
          const top = Math.max(8, ...steps.map(s => s.prompt_rows + s.decode_rows));
          steps.forEach((s, i) => {
            const x = width - (steps.length - i) * 4, unit = (height - 14) / top;
            pen.fillStyle = style.getPropertyValue('--a');
            pen.fillRect(x, height - s.decode_rows * unit, 3, s.decode_rows * unit);
            pen.fillStyle = style.getPropertyValue('--b');
            pen.fillRect(x, height - (s.decode_rows + s.prompt_rows) * unit, 3, s.prompt_rows * unit);
          });
          pen.fillStyle = style.getPropertyValue('--ink');
          pen.font = '11px system-ui';
          pen.fillText(top + ' rows', 4, 11);
        }
        function lanes(step) {
          $('slots').replaceChildren(...step.slots.map(slot => {
            const lane = document.createElement('div'), bar = document.createElement('div');
            const name = document.createElement('span'), note = document.createElement('span');
            lane.className = 'lane'; bar.className = 'bar';
            name.textContent = '#' + slot.slot;
            const parts = slot.drafted
              ? [['decode', slot.rows - slot.drafted], ['accepted', slot.accepted],
                ['drafted', slot.drafted - slot.accepted]]
              : [[slot.tokens ? 'decode' : 'prompt', slot.rows]];
            const total = Math.max(step.prompt_rows + step.decode_rows, 1);
            for (const [kind, count] of parts) {
              const piece = document.createElement('i');
              piece.className = kind;
              piece.style.width = Math.max(100 * count / total, count ? 3 : 0) + '%';
              bar.append(piece);
            }
            note.textContent = slot.rows + (slot.rows === 1 ? ' row' : ' rows')
              + (slot.drafted ? ', ' + slot.accepted + '/' + slot.drafted : '')
              + (slot.branches > 1 ? ', ' + slot.branches + ' branches' : '');
            lane.append(name, bar, note);
            return lane;
          }));
        }
        function words(step) {
          for (const slot of step.slots) {
            if (!slot.texts || !slot.texts.length) continue;
            const group = document.createElement('b');
            group.title = 'step ' + step.step;
            group.append(...slot.texts.map(token => {
              const word = document.createElement('u');
              word.className = token.kind;
              word.textContent = token.text;
              return word;
            }));
            $('tokens').append(group);
            if ($('tokens').childElementCount > 400) $('tokens').firstElementChild.remove();
            $('tokens').scrollTop = $('tokens').scrollHeight;
          }
        }
        let before = null;
        async function watch() {
          try {
            const answer = await fetch('/steps?show=' + own + '&model='
              + encodeURIComponent($('model').value || ''), {headers: headers()});
            if (!answer.ok) throw new Error(answer.statusText);
            for await (const step of events(answer)) {
              steps.push(step);
              words(step);
              if (steps.length > 160) steps.shift();
              const now = performance.now();
              $('running').textContent = step.running + ' of ' + step.slot_limit;
              $('waiting').textContent = step.waiting;
              $('step').textContent = step.step + ' (' + (step.seconds * 1e3).toFixed(1) + ' ms)';
              $('memory').textContent = bytes(step.kv_bytes) + (step.kv_limit ? ' of ' + bytes(step.kv_limit) : '');
              if (!before || now - before.time > 500) {
                if (before) $('rate').textContent = ((step.generation_tokens - before.tokens)
                  / (now - before.time) * 1000).toFixed(1);
                before = {time: now, tokens: step.generation_tokens};
              }
              requestAnimationFrame(() => { plot(); lanes(step); });
            }
          } catch {}
          setTimeout(watch, 1500);
        }
        models().then(watch);
        """#
}
