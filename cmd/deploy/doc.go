// Package deploy holds what runs Dream Lab somewhere: the chart for Kubernetes,
// alerts, dashboards, units for systemd, and files for Render and Cloud Run. Its
// tests have each file read by the program that it is meant for, or by that
// program's own parser.
package deploy
