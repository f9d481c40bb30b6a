namespace Nabla.Experiments.Report;

/// <summary>The style sheet of <see cref="HtmlReport"/>: fonts of the system, two colour schemes, a form for paper.</summary>
internal static class HtmlStyle
{
    /// <summary>CSS.</summary>
    public const string Sheet = """

        :root{--bg:#fff;--ink:#1f2328;--muted:#5c636b;--line:#dfe2e6;--soft:#f6f7f8;--link:#0b5a94;--pass:#00734f;--pass-bg:#e9f6f1;--fail:#b23a00;--fail-bg:#fdf0e8;
        --serif:Charter,"Bitstream Charter","Source Serif 4","Source Serif Pro",Cambria,"Liberation Serif",Georgia,serif;
        --sans:"Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
        @media screen and (prefers-color-scheme:dark){:root{--bg:#14171c;--ink:#e6e8ea;--muted:#a2a9b1;--line:#2f353d;--soft:#1c2026;--link:#7cc0f0;--pass:#4fc79c;--pass-bg:#12291f;--fail:#ff9560;--fail-bg:#33190c}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:17px/1.55 var(--serif);-webkit-text-size-adjust:100%;font-kerning:normal}
        main{max-width:1008px;margin:0 auto;padding:3rem 1.5rem 5rem}
        header,section>p,section>ul,section>h3{max-width:44rem}
        .kicker{font:13px/1.4 var(--sans);color:var(--muted);letter-spacing:.02em;margin:0 0 .7rem;display:flex;gap:1.5em}
        .kicker span:first-child{font-family:var(--mono)}
        h1{font-size:2.15rem;line-height:1.18;font-weight:600;letter-spacing:-.01em;margin:0 0 1rem;text-wrap:balance}
        h2{font-size:1.32rem;font-weight:600;line-height:1.3;margin:3rem 0 1rem;padding-top:.9rem;border-top:1px solid var(--line)}
        h3{font-size:1.08rem;font-weight:600;margin:1.8rem 0 .4rem}
        p{margin:0 0 .9rem;text-wrap:pretty;hyphens:auto}
        .claim{font-size:1.18rem;line-height:1.5;font-style:italic;margin-bottom:1rem}
        .papers{list-style:none;margin:0;padding:0;font:14px/1.5 var(--sans);color:var(--muted)}
        .papers li{margin:.15rem 0}
        a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
        code,pre{font-family:var(--mono);font-size:.86em}
        code{background:var(--soft);padding:.08em .3em;border-radius:3px}
        pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.9rem 1.1rem;overflow-x:auto;line-height:1.5;font-size:.82rem;white-space:pre-wrap;overflow-wrap:anywhere}
        pre code{background:none;padding:0;font-size:inherit}
        .verdict{display:flex;gap:.9rem;align-items:center;margin:2rem 0 0;padding:.85rem 1.15rem;border-radius:6px;border-left:5px solid var(--muted);background:var(--soft);font-family:var(--sans);font-size:15px;line-height:1.45}
        .verdict strong{font-size:1.12rem;font-weight:600}.verdict p{margin:.1rem 0 0;color:var(--muted);font-size:14px}
        .verdict .mark{font-size:1.5rem;line-height:1;width:1.2em;text-align:center}
        .verdict.pass{border-color:var(--pass);background:var(--pass-bg)}.verdict.pass .mark,.verdict.pass strong{color:var(--pass)}
        .verdict.fail{border-color:var(--fail);background:var(--fail-bg)}.verdict.fail .mark,.verdict.fail strong{color:var(--fail)}
        .scroll{overflow-x:auto;margin:0 0 1.6rem}
        table{border-collapse:collapse;width:100%;font:14.5px/1.45 var(--sans);font-variant-numeric:tabular-nums}
        table.data{width:auto;min-width:min(100%,32rem)}table.data td,table.data th{padding-right:1.6rem}
        caption{text-align:left;font:15px/1.5 var(--serif);padding:0 0 .6rem}
        th{font-weight:600;text-align:left;color:var(--muted);font-size:13px;border-bottom:1.5px solid var(--ink);padding:.3rem .8rem .35rem 0;white-space:nowrap;vertical-align:bottom}
        td{border-bottom:1px solid var(--line);padding:.5rem .8rem .5rem 0;vertical-align:top}
        tbody tr:last-child td{border-bottom:1.5px solid var(--ink)}
        th.right,td.right{text-align:right;padding-right:1.4rem}
        td.right,td.bound{white-space:nowrap}
        td.muted{color:var(--muted)}tr.changed td.value{font-weight:600}
        sup,sub{font-size:.72em;line-height:0}
        .checks .state{width:2rem;padding-left:.2rem;padding-right:.5rem}
        tr.pass .state{color:var(--pass)}tr.fail .state{color:var(--fail)}tr.fail td.right{color:var(--fail);font-weight:600}
        .checks td.chart{width:9rem;padding:.55rem 0 0}
        .note{color:var(--muted);font-size:13.5px;line-height:1.4;margin-top:.1rem;max-width:34rem}
        .badge{font-size:11.5px;color:var(--muted);border:1px solid var(--line);border-radius:9px;padding:0 .55em;white-space:nowrap;margin-left:.35em}
        .bullet{display:block}.bullet .track{stroke:var(--line);stroke-width:1.5}.bullet .allowed{fill:var(--pass);opacity:.2}.bullet .bound{stroke:var(--pass);stroke-width:1.2}
        .bullet .pass{fill:var(--pass)}.bullet .fail{fill:var(--fail)}
        figure{margin:0 0 2.8rem}
        figure .canvas{overflow-x:auto}
        figure svg{display:block;max-width:100%;height:auto;margin:0 auto}
        figcaption{font-size:15.5px;line-height:1.5;max-width:44rem;margin:.5rem auto 0}
        .files{font:12.5px var(--sans);white-space:nowrap;margin-left:.3em}.files a+a{margin-left:.5em}
        dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.1rem 2rem;font:14px/1.45 var(--sans);margin:1rem 0 0}
        dl div{display:flex;gap:1rem;justify-content:space-between;border-bottom:1px solid var(--line);padding:.35rem 0}
        dt{color:var(--muted);white-space:nowrap}dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
        .sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        @media(max-width:640px){main{padding:1.6rem 1rem 3rem}h1{font-size:1.7rem}.checks td.chart,.checks th:last-child{display:none}}
        @page{margin:18mm 16mm}
        @media print{body{font-size:10.5pt}main{max-width:none;padding:0}.files{display:none}figure,tr,.verdict,pre{break-inside:avoid}h2,h3{break-after:avoid}
        .verdict,.bullet,code,pre{print-color-adjust:exact;-webkit-print-color-adjust:exact}a{color:inherit}}

        """;
}
