extension Page {
    static let html =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        + "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        + "<title>Skein</title><style>\(style)</style></head><body>\(body)<script>\(script)</script>"
        + "</body></html>"

    private static let body = #"""
        <header><h1>Skein</h1><label>Model <select id="model"></select></label>
        <label>API key <input id="key" type="password" autocomplete="off" size="10"></label></header>
        <main><section id="chat" aria-label="Chat">
        <div id="log" role="log" aria-live="polite"></div>
        <form id="form"><textarea id="text" rows="3" placeholder="Write a message" aria-label="Message"
        required></textarea><div class="row"><button id="send">Send</button>
        <button id="stop" type="button" disabled>Stop</button>
        <button id="again" type="button" disabled>Regenerate</button>
        <button id="clear" type="button">Clear</button><span id="figures"></span></div></form>
        <details><summary>Sampling</summary><div class="grid">
        <label>Temperature <input id="temperature" type="number" min="0" max="5" step="0.1" value="0.8"></label>
        <label>Top-p <input id="top_p" type="number" min="0" max="1" step="0.05" value="0.95"></label>
        <label>Top-k <input id="top_k" type="number" min="0" step="1" value="40"></label>
        <label>Min-p <input id="min_p" type="number" min="0" max="1" step="0.01" value="0.05"></label>
        <label>Most tokens <input id="max_tokens" type="number" min="1" step="1" value="256"></label>
        <label>Seed <input id="seed" type="number" step="1"></label>
        <label>Guess ahead <input id="drafts" type="number" min="0" max="64" step="1"></label>
        <label>Stop <input id="stops" type="text"></label>
        <label>System <input id="system" type="text"></label></div></details></section>
        <section id="engine" aria-label="Engine"><h2>Engine</h2>
        <dl><div><dt>Running</dt><dd id="running">0</dd></div><div><dt>Waiting</dt><dd id="waiting">0</dd></div>
        <div><dt>Tokens/s</dt><dd id="rate">0</dd></div><div><dt>Step</dt><dd id="step">0</dd></div>
        <div><dt>Keys and values</dt><dd id="memory">0</dd></div></dl>
        <canvas id="rows" width="640" height="120" role="img" aria-label="Rows of each step"></canvas>
        <p class="legend"><i class="prompt"></i>prompt rows <i class="decode"></i>decoding rows
        <i class="drafted"></i>drafted <i class="accepted"></i>accepted <i class="branch"></i>branches</p>
        <div id="slots"></div>
        <h2>Tokens of each step</h2>
        <p class="legend"><i class="chosen"></i>chosen <i class="accepted"></i>drafted and accepted
        <i class="rejected"></i>drafted and rejected</p>
        <div id="tokens" aria-label="Tokens of each step"></div></section></main>
        """#

    private static let style = #"""
        :root{color-scheme:light dark;--ink:#1c2430;--paper:#fbfaf7;--line:#d8d4c8;--a:#2f6f8f;--b:#c8763a;
        --c:#7a9b4e;--d:#8a63a8}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e2d8;--paper:#16191d;--line:#343a42;--a:#6fb3d2;
        --b:#e0975f;--c:#a3c472;--d:#b48fd0}}
        *{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
        background:var(--paper)}header{display:flex;gap:1rem;align-items:center;padding:.6rem 1rem;
        border-bottom:1px solid var(--line);flex-wrap:wrap}h1{font-size:1.2rem;margin:0 auto 0 0}
        h2{font-size:1rem;margin:0 0 .5rem}main{display:grid;grid-template-columns:3fr 2fr;gap:1rem;padding:1rem}
        @media(max-width:800px){main{grid-template-columns:1fr}}#log{min-height:12rem;max-height:60vh;
        overflow:auto}.message{white-space:pre-wrap;overflow-wrap:anywhere;padding:.5rem .7rem;margin:0 0 .6rem;
        border-left:3px solid var(--line)}.user{border-color:var(--b)}.assistant{border-color:var(--a)}
        .error{border-color:#c33;color:#c33}textarea,input,select,button{font:inherit;color:inherit;
        background:transparent;border:1px solid var(--line);border-radius:4px;padding:.3rem .5rem}
        select option{color:#1c2430}textarea{width:100%;resize:vertical}button{cursor:pointer}
        button:disabled{opacity:.4;cursor:default}.row{display:flex;gap:.5rem;align-items:center;flex-wrap:wrap}
        #figures{font-size:.8rem;opacity:.8}.grid{display:grid;gap:.5rem;
        grid-template-columns:repeat(auto-fill,minmax(11rem,1fr))}.grid label{display:grid;font-size:.85rem}
        dl{display:flex;gap:1.2rem;flex-wrap:wrap;margin:0}dt{font-size:.75rem;opacity:.7}dd{margin:0;
        font-variant-numeric:tabular-nums}canvas{width:100%;height:120px;border:1px solid var(--line);
        border-radius:4px;margin:.6rem 0 0}.legend{font-size:.75rem;margin:.2rem 0}.legend i{display:inline-block;
        width:.7rem;height:.7rem;margin:0 .3rem 0 .6rem}.prompt{background:var(--b)}.decode{background:var(--a)}
        .drafted{background:var(--d)}.accepted{background:var(--c)}.branch{border:2px solid var(--d)}
        #tokens{font-size:.8rem;line-height:1.9;max-height:14rem;overflow:auto;white-space:pre-wrap}
        #tokens b{font-weight:normal;border-bottom:1px solid var(--line);margin-right:.25rem}
        #tokens u{text-decoration:none;border-radius:3px;padding:0 .1rem}.legend .chosen{background:var(--a)}
        .legend .rejected{background:var(--d)}u.chosen{color:var(--a)}
        u.accepted{background:color-mix(in srgb,var(--c) 40%,transparent)}
        #tokens u.rejected{color:var(--d);text-decoration:line-through;opacity:.8}
        .lane{display:grid;grid-template-columns:3rem 1fr 6rem;gap:.5rem;align-items:center;font-size:.8rem;
        font-variant-numeric:tabular-nums;margin:.15rem 0}.bar{height:.8rem;background:var(--line);
        border-radius:2px;overflow:hidden;display:flex}.bar i{height:100%;display:block}
        """#
}
