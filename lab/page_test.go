//go:build lab && linux

package lab_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/doctor"
)

// TestPage shows the doctor's page in a browser, in the windows of a desktop, a
// tablet and two telephones, by day and by night. Where LAB_SCREENSHOTS names a
// folder, the pictures are left there.
func TestPage(t *testing.T) {
	browser := startBrowser(t)
	pictures := os.Getenv("LAB_SCREENSHOTS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	require.NoError(t, os.MkdirAll(pictures, 0o755))
	for name, report := range pageReports() {
		for _, width := range []int64{1280, 834, 390, 360} {
			for _, scheme := range []string{"light", "dark"} {
				file := strings.Join([]string{name, size(width), scheme}, "-")
				t.Run(file, func(t *testing.T) {
					facts := showPage(browser, t, report, width, scheme, filepath.Join(pictures, file+".png"))
					facts.check(t, report, width)
				})
			}
		}
	}
}

func size(width int64) string {
	return map[int64]string{1280: "wide", 834: "tablet", 390: "narrow", 360: "smallest"}[width]
}

// startBrowser fails where there is no Chromium: this test was asked for.
func startBrowser(t *testing.T) context.Context {
	path, err := exec.LookPath("chromium")
	require.NoError(t, err, "the page is tested in Chromium: install the Debian package chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(browser))
	return browser
}

// pageFacts are what the browser measured.
type pageFacts struct {
	Overflow int      `json:"overflow"` // pixels by which the page is wider than the window
	Drawings int      `json:"drawings"` // that are shown
	Outside  []string `json:"outside"`  // texts that leave their drawing, or their box
	Crossing []string `json:"crossing"` // texts that lie on one another
	Faint    []string `json:"faint"`    // texts that stand out too little
	Findings int      `json:"findings"`
	Good     []string `json:"good"` // colours of the lines that got through
	Bad      []string `json:"bad"`
	None     []string `json:"none"`

	requests, complaints []string
}

func showPage(browser context.Context, t *testing.T, r *doctor.Report, width int64, scheme, picture string) pageFacts {
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	t.Cleanup(cancel)
	file := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, r.WriteHTML(f))
	require.NoError(t, f.Close())

	heard := listenTo(ctx, t)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.EmulateViewport(width, 900, chromedp.EmulateScale(1)), emulateScheme(scheme), chromedp.Navigate("file://"+file)))
	facts, err := chromedp.Run(ctx, chromedp.Evaluate[pageFacts](measure))
	require.NoError(t, err)
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(picture, image, 0o644))
	facts.requests, facts.complaints = heard()
	for i, url := range facts.requests {
		if url == "file://"+file {
			facts.requests[i] = "the page"
		}
	}
	return facts
}

func emulateScheme(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// listenTo collects what the tab loads and what it complains of.
func listenTo(tab context.Context, t *testing.T) func() (requests, complaints []string) {
	var mu sync.Mutex
	var requests, complaints []string
	require.NoError(t, chromedp.Listen(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			requests = append(requests, e.Request.URL)
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			complaints = append(complaints, "console."+string(e.Type))
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text)
		}
	}))
	_, err := chromedp.Call(tab, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	_, err = chromedp.Call(tab, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	return func() ([]string, []string) {
		mu.Lock()
		defer mu.Unlock()
		return requests, complaints
	}
}

func (f pageFacts) check(t *testing.T, r *doctor.Report, width int64) {
	assert.LessOrEqual(t, f.Overflow, 0, "the page is wider than the window of %d pixels", width)
	assert.Empty(t, f.Outside)
	assert.Empty(t, f.Crossing)
	assert.Empty(t, f.Faint)
	assert.Equal(t, []string{"the page"}, f.requests)
	assert.Empty(t, f.complaints)
	assert.Equal(t, groups(r), f.Drawings)
	assert.Equal(t, len(r.Rows), f.Findings)
	f.checkColours(t, r)
}

// groups is how many drawings there are to be: none for a session that was not tried.
func groups(r *doctor.Report) int {
	all := map[[2]string]bool{}
	for _, row := range r.Rows {
		if row.Method != "" || row.Outcome != doctor.Skipped {
			all[[2]string{row.Family, row.Security}] = true
		}
	}
	return max(1, len(all))
}

// checkColours: one colour for each kind of line, no two alike, and none without
// a row that it stands for.
func (f pageFacts) checkColours(t *testing.T, r *doctor.Report) {
	rows := map[string]bool{}
	for _, row := range r.Rows {
		if row.Method == "" && row.Outcome == doctor.Skipped {
			continue
		}
		switch row.Outcome {
		case doctor.Works:
			rows["good"] = true
		case doctor.NotApplicable, doctor.Skipped:
			rows["none"] = true
		default:
			rows["bad"] = true
		}
	}
	if len(r.Rows) > 0 {
		rows["good"] = true // the control connection
	} else {
		rows["bad"] = true
	}
	seen := map[string]string{}
	for kind, colours := range map[string][]string{"good": f.Good, "bad": f.Bad, "none": f.None} {
		assert.Equal(t, rows[kind], len(colours) > 0, "lines of the kind %q", kind)
		for _, c := range colours {
			if other, found := seen[c]; found {
				assert.Equal(t, other, kind, "two kinds of lines have the colour %s", c)
			}
			seen[c] = kind
		}
	}
	assert.LessOrEqual(t, len(seen), 3)
}

// measure looks at the page as it is shown. Contrast is that of WCAG 2.2: 4.5 to
// 1 for text.
const measure = `(() => {
  const shown = e => e.getClientRects().length > 0 && e.getBoundingClientRect().width > 0;
  const within = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = rgb(c).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
  const facts = { overflow: document.scrollingElement.scrollWidth - window.innerWidth, outside: [], crossing: [], faint: [], good: [], bad: [], none: [] };

  const drawings = [...document.querySelectorAll('svg.drawing')].filter(shown);
  facts.drawings = drawings.length;
  for (const svg of drawings) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')];
    const boxes = [...svg.querySelectorAll('.box, .cross')];
    boxes.forEach((a, i) => {
      if (!within(a.getBoundingClientRect(), frame)) facts.outside.push('a box leaves the drawing');
      boxes.slice(i + 1).forEach(b => { if (overlap(a.getBoundingClientRect(), b.getBoundingClientRect())) facts.crossing.push('a box lies on another'); });
    });
    for (const cross of svg.querySelectorAll('.cross'))
      for (const text of texts)
        if (overlap(cross.getBoundingClientRect(), text.getBoundingClientRect())) facts.crossing.push('a cross lies on ' + text.textContent);
    for (const text of texts) {
      const station = text.closest('.station');
      const rect = text.getBoundingClientRect();
      if (!within(rect, frame)) facts.outside.push(text.textContent + ' leaves the drawing');
      if (station && !within(rect, station.querySelector('.box').getBoundingClientRect())) facts.outside.push(text.textContent + ' leaves its box');
      const ground = station ? getComputedStyle(station.querySelector('.box')).fill : behind(svg);
      for (const part of [text, ...text.querySelectorAll('tspan')])
        if (contrast(getComputedStyle(part).fill, ground) < 4.5) facts.faint.push(part.textContent);
    }
    texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
      if (overlap(a.getBoundingClientRect(), b.getBoundingClientRect())) facts.crossing.push(a.textContent + ' lies on ' + b.textContent);
    }));
    for (const kind of ['good', 'bad', 'none'])
      facts[kind].push(...[...svg.querySelectorAll('.wire.' + kind + ' .way')].map(e => getComputedStyle(e).stroke));
  }
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('svg') || !shown(e)) continue;
    const c = contrast(getComputedStyle(e).color, behind(e));
    if (c < 4.5) facts.faint.push(e.textContent.slice(0, 40) + ' ' + c.toFixed(1));
  }
  facts.findings = [...document.querySelectorAll('tr.finding')].filter(shown).length;
  for (const kind of ['good', 'bad', 'none']) facts[kind] = [...new Set(facts[kind])];
  return facts;
})()`
