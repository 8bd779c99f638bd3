"""What the renders of the other tools share: scenes, materials and shapes in Blender."""
